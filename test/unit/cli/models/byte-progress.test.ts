import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { startByteProgress } from '../../../../src/cli/models/byte-progress.js';

describe('startByteProgress', () => {
  it('writes a line at the start and every five seconds where no terminal is, and counts only what came now', () => {
    const stream = new PassThrough();
    let nowMs = 0;
    const progress = startByteProgress({
      label: 'model',
      stream: stream as unknown as NodeJS.WriteStream,
      now: () => nowMs,
    });
    progress.update(50_000_000, 100_000_000);
    nowMs = 2_000;
    progress.update(60_000_000, 100_000_000);
    nowMs = 5_000;
    progress.update(75_000_000, 100_000_000);
    progress.stop();
    expect(String(stream.read())).toBe('model: 50.0 MB of 100.0 MB\nmodel: 75.0 MB of 100.0 MB, 5.0 MB/s, 5 s left\n');
  });

  it('counts on where a download begins anew', () => {
    const stream = new PassThrough();
    let nowMs = 0;
    const progress = startByteProgress({
      label: 'm',
      stream: stream as unknown as NodeJS.WriteStream,
      now: () => nowMs,
    });
    progress.update(9_000, 10_000);
    nowMs = 5_000;
    progress.update(0, 10_000);
    nowMs = 10_000;
    progress.update(5_000, 10_000);
    progress.stop();
    expect(String(stream.read()).split('\n')[2]).toBe('m: 5.0 kB of 10.0 kB, 500 bytes/s, 10 s left');
  });
});
