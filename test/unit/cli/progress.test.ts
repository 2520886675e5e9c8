import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { formatSeconds, RateMeter, startStages } from '../../../src/cli/progress.js';

describe('RateMeter', () => {
  it('counts what was done in the last ten seconds', () => {
    let nowMs = 0;
    const meter = new RateMeter(() => nowMs);
    for (let second = 0; second < 20; second++) {
      for (let item = 0; item < 100; item++) meter.count();
      nowMs += 1000;
    }
    expect(meter.perSecond()).toBeGreaterThan(90);
    for (let second = 0; second < 20; second++) {
      nowMs += 1000;
      meter.count();
    }
    expect(meter.perSecond()).toBeCloseTo(1, 0);
  });

  it('knows nothing before anything was done', () => {
    expect(new RateMeter(() => 5).perSecond()).toBe(0);
  });
});

describe('startStages', () => {
  function follow(isTTY: boolean): { readonly stream: NodeJS.WriteStream; readonly written: () => string } {
    let text = '';
    const stream = new Writable({
      write: (chunk: Buffer, _, done) => {
        text += chunk.toString();
        done();
      },
    });
    // What a bar asks of a terminal beside its stream.
    const terminal = {
      isTTY,
      columns: 120,
      rows: 24,
      cursorTo: () => true,
      moveCursor: () => true,
      clearLine: () => true,
    };
    return { stream: Object.assign(stream, terminal) as unknown as NodeJS.WriteStream, written: () => text };
  }

  it('draws a bar for each stage on a terminal, and closes each', () => {
    const { stream, written } = follow(true);
    const stages = startStages({ stream, now: () => 0 });
    stages.report({ stage: 'reading', done: 1, total: 2 });
    stages.report({ stage: 'reading', done: 2, total: 2 });
    stages.report({ stage: 'Fitting', done: 5, total: 10 });
    stages.stop();
    stages.stop();
    expect(written()).toContain('Reading ██████████████████████████████ 100% | 2/2');
    expect(written()).toMatch(/Fitting █{15}░{15} 50% \| 5\/10/);
    // The cursor is hidden and shown again once a stage.
    expect(written().split('\u001b[?25l')).toHaveLength(3);
    expect(written().split('\u001b[?25h')).toHaveLength(3);
  });

  it('writes a line every five seconds into a log, without a total where none is known', () => {
    const { stream, written } = follow(false);
    let nowMs = 0;
    const stages = startStages({ stream, now: () => nowMs });
    stages.report({ stage: 'Fitting', done: 0, total: 0 });
    nowMs = 4_000;
    stages.report({ stage: 'Fitting', done: 10, total: 0 });
    expect(written()).toBe('');
    nowMs = 5_000;
    stages.report({ stage: 'Fitting', done: 20, total: 0 });
    stages.report({ stage: 'Embedding', done: 0, total: 100 });
    nowMs = 10_000;
    stages.report({ stage: 'Embedding', done: 50, total: 100 });
    stages.stop();
    expect(written()).toBe('Fitting: 20, 4/s\nEmbedding: 50 of 100, 10/s, 5 s left\n');
  });
});

describe('formatSeconds', () => {
  it.each([
    [0, '0 s'],
    [59.2, '1 min 0 s'],
    [61, '1 min 1 s'],
    [3 * 3600 + 125, '3 h 2 min'],
    [Infinity, '–'],
    [NaN, '–'],
  ])('%f is %s', (seconds, text) => {
    expect(formatSeconds(seconds)).toBe(text);
  });
});
