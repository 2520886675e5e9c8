import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf } from '../support/client.js';
import { childrenOf, cpuTicks, sendCorpus } from '../support/image-corpus.js';
import { makeJpeg } from '../support/make-image.js';
import { bombs, corpusSources, mutatedFile } from '../support/mutated-images.js';
import { cleanUp, startServer, type TestServer } from '../support/server.js';

/** A sample of test/long/hostile-images.test.ts, another part of it than that one begins with. */
const seeds = Array.from({ length: 300 }, (_, index) => 900_000 + index);
/** Ends a test that would hang, on whatever busy machine. */
const maxMs = 60_000;

describe.runIf(process.platform === 'linux')('hostile images, sent to a server', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(async () => {
    await server.stop();
    await cleanUp();
  });

  it('each mutated file is answered with success or a typed error', async () => {
    const sources = await corpusSources();
    const { counts } = await sendCorpus(
      server,
      seeds.map((seed) => mutatedFile(sources, seed)),
      { concurrency: 4 },
    );
    // Most break, and some do not: else the corpus would try one path only.
    expect(counts['ok']).toBeGreaterThan(10);
    expect(counts['INVALID_IMAGE']).toBeGreaterThan(50);
  });

  it('each bomb is, in bounded memory', async () => {
    const { serverPeakBytes, decoderPeakBytes } = await sendCorpus(server, await bombs(), { concurrency: 1 });
    expect(serverPeakBytes).toBeLessThan(1_500_000_000);
    expect(decoderPeakBytes).toBeLessThan(1_000_000_000);
  });

  it.each(['SIGKILL', 'SIGABRT'] as const)(
    'a decoder that ends by %s fails the file that it had in work, and nothing else',
    async (signal) => {
      const { pid } = server.child;
      if (pid === undefined) throw new Error('The server has not started');
      const side = 6_000;
      const large = await sharp({ create: { width: side, height: side, channels: 3, background: '#346' } })
        .png({ compressionLevel: 1 })
        .toBuffer();
      await server.client.search(await makeJpeg(1));
      const children = childrenOf(pid);
      const before = new Map(children.map((child) => [child, cpuTicks(child)]));
      const answering = server.client.searchAnswer(large);
      // A tenth of a second of computing: it is at the pixels.
      let busy: number | undefined;
      await expect
        .poll(() => (busy = children.find((child) => cpuTicks(child) > (before.get(child) ?? 0) + 10)), {
          timeout: maxMs,
          interval: 5,
        })
        .toBeDefined();
      if (busy === undefined) throw new Error('No decoder was busy');
      process.kill(busy, signal);
      expect(codeOf(await answering)).toBe('INVALID_IMAGE');
      const { image, created } = await server.client.upload(await makeJpeg(signal === 'SIGKILL' ? 50 : 51));
      expect(created).toBe(true);
      expect((await server.client.get(image.renditionUrl)).status).toBe(200);
      expect(server.running).toBe(true);
    },
  );
});
