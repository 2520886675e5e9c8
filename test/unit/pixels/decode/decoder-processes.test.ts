import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { constants, getPriority } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import sharp from 'sharp';
import { afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ImageDecoder } from '../../../../src/pixels/decode/decode.js';
import { maxDecodeWaitMs, maxImagePixels } from '../../../../src/base/limits.js';
import { makePng } from '../../../support/make-image.js';

let decoder: ImageDecoder;
/** Half a second of work. */
let large: Buffer;
let small: Buffer;

beforeAll(async () => {
  const side = 6_000;
  large = await sharp({ create: { width: side, height: side, channels: 3, background: '#346' } })
    .png({ compressionLevel: 1 })
    .toBuffer();
  small = await makePng(1);
});

afterEach(() => decoder.close());

const open = (concurrency = 2): void => {
  decoder = new ImageDecoder({ maxPixels: maxImagePixels, concurrency });
};

/** The process that has a file in work. */
async function busyProcess(): Promise<number> {
  for (;;) {
    const pid = decoder.processes.find(({ isDecoding }) => isDecoding)?.pid;
    if (pid !== undefined) return pid;
    await setImmediate();
  }
}

async function gone(pid: number): Promise<void> {
  await expect.poll(() => decoder.processes.some((each) => each.pid === pid)).toBe(false);
}

describe('a decoder process', () => {
  it('leaves the processor to what accepts and answers requests', async () => {
    open();
    const decoding = decoder.decode(large, 'query');
    expect(getPriority(await busyProcess())).toBe(constants.priority.PRIORITY_BELOW_NORMAL);
    await decoding;
  });

  it.each(['SIGKILL', 'SIGABRT', 'SIGSEGV'] as const)(
    'that ends by %s over a file fails that file, once, and no other',
    async (signal) => {
      open();
      const fatal = decoder.decode(large, 'bulk');
      const outcome = expect(fatal).rejects.toMatchObject({
        code: 'INVALID_IMAGE',
        message: 'The image/png image cannot be decoded',
        cause: { message: `The decoder process ended: ${signal}` },
      });
      const pid = await busyProcess();
      const others = Array.from({ length: 5 }, () => decoder.decode(small, 'bulk'));
      process.kill(pid, signal);
      await outcome;
      for (const other of await Promise.all(others)) expect(other).toMatchObject({ width: 96, height: 72 });
      await gone(pid);
      expect(decoder.processes.length).toBeLessThanOrEqual(2);
      await expect(decoder.decode(large, 'bulk')).resolves.toMatchObject({ width: 6_000 });
    },
  );

  it('that stops over a file is ended, which fails that file, and the next gets a new process', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => {
      vi.useRealTimers();
    });
    open(1);
    const stuck = expect(decoder.decode(large, 'bulk')).rejects.toMatchObject({
      code: 'INVALID_IMAGE',
      cause: { message: 'The decoder process ended: SIGKILL' },
    });
    const pid = await busyProcess();
    process.kill(pid, 'SIGSTOP');
    const next = decoder.decode(small, 'bulk');
    // Nothing else ever ends a process that computes nothing.
    vi.advanceTimersByTime(maxDecodeWaitMs);
    await stuck;
    expect(await next).toMatchObject({ width: 96 });
    expect(decoder.processes).toHaveLength(1);
    expect(decoder.processes).not.toContainEqual(expect.objectContaining({ pid }));
  });

  it('that ended while it had nothing to do is replaced, and no file fails', async () => {
    open(1);
    await decoder.decode(small, 'bulk');
    const [before] = decoder.processes;
    if (before?.pid === undefined) throw new Error('No process');
    process.kill(before.pid, 'SIGKILL');
    // Sent before the end is known here.
    await expect(decoder.decode(small, 'bulk')).resolves.toMatchObject({ width: 96 });
    await gone(before.pid);
    await expect(decoder.decode(small, 'bulk')).resolves.toMatchObject({ width: 96 });
    expect(decoder.processes).toHaveLength(1);
  });

  it('is started anew where all that had nothing to do ended a moment ago, and no file fails', async () => {
    open(3);
    await Promise.all(Array.from({ length: 3 }, () => decoder.decode(small, 'bulk')));
    expect(decoder.processes).toHaveLength(3);
    for (const { pid } of decoder.processes) if (pid !== undefined) process.kill(pid, 'SIGKILL');
    await expect(decoder.decode(small, 'bulk')).resolves.toMatchObject({ width: 96 });
  });

  it('is started once, and as many as work at the same time', async () => {
    open(2);
    expect(decoder.processes).toEqual([]);
    for (let round = 0; round < 3; round++) await decoder.decode(small, 'bulk');
    expect(decoder.processes).toHaveLength(1);
    const [first] = decoder.processes;
    await Promise.all(Array.from({ length: 8 }, () => decoder.decode(small, 'query')));
    expect(decoder.processes).toHaveLength(2);
    expect(decoder.processes).toContainEqual(first);
  });

  it('does not heed what is meant for the server', async () => {
    open(1);
    await decoder.decode(small, 'bulk');
    const [{ pid } = { pid: undefined }] = decoder.processes;
    if (pid === undefined) throw new Error('No process');
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(pid, signal);
    await decoder.decode(small, 'bulk');
    expect(decoder.processes).toEqual([{ pid, isDecoding: false }]);
  });

  it.runIf(existsSync('/proc/self/environ'))('is told none of the secrets of the server', async () => {
    process.env['SEMBLANCE_TEST_SECRET'] = 'hidden';
    open(1);
    await decoder.decode(small, 'bulk');
    delete process.env['SEMBLANCE_TEST_SECRET'];
    expect(await readFile(`/proc/${decoder.processes[0]?.pid}/environ`, 'utf8')).toBe('');
  });

  it('fails what is in work when it is closed', async () => {
    open(1);
    const decoding = expect(decoder.decode(large, 'bulk')).rejects.toMatchObject({ code: 'INVALID_IMAGE' });
    await busyProcess();
    await decoder.close();
    await decoding;
    expect(decoder.processes).toEqual([]);
  });
});
