import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sendCorpus } from '../support/image-corpus.js';
import { bombs, corpusSources, mutatedFile, type MutatedFile } from '../support/mutated-images.js';
import { cleanUp, startServer, type TestServer } from '../support/server.js';

const parts = 10;
const filesPerPart = 1_000;
/** Files on their way at the same time. */
const concurrency = 4;

let sources: readonly MutatedFile[];
let server: TestServer;

beforeAll(async () => {
  [sources, server] = await Promise.all([corpusSources(), startServer()]);
});
afterAll(async () => {
  await server.stop();
  await cleanUp();
});

describe('10,000 mutated images, sent to one server', () => {
  it.each(Array.from({ length: parts }, (_, part) => part))('part %i', async (part) => {
    const files = function* () {
      for (let index = 0; index < filesPerPart; index++) yield mutatedFile(sources, part * filesPerPart + index);
    };
    const outcome = await sendCorpus(server, files(), { concurrency });
    console.log(JSON.stringify(outcome));
    expect(outcome.serverPeakBytes).toBeLessThan(1_500_000_000);
    expect(outcome.decoderPeakBytes).toBeLessThan(1_000_000_000);
  });

  it('and bombs', async () => {
    const outcome = await sendCorpus(server, await bombs(), { concurrency: 1 });
    console.log(JSON.stringify(outcome));
    expect(outcome.serverPeakBytes).toBeLessThan(1_500_000_000);
    expect(outcome.decoderPeakBytes).toBeLessThan(1_000_000_000);
  });
});
