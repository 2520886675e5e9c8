import { describe, expect, it } from 'vitest';
import { matrixOf, type Matrix } from '../../../../src/math/matrix.js';
import { fitPca } from '../../../../src/math/pca.js';
import { Random } from '../../../../src/math/random.js';
import { fitApart } from '../../../../src/methods/fitting/fit-apart.js';

function draw(rows: number, columns: number): Matrix<Float32Array> {
  const random = new Random(1);
  return matrixOf(Array.from({ length: rows }, () => Float32Array.from({ length: columns }, () => random.next())));
}

describe('fitApart', () => {
  it('fits as on this thread, which serves others meanwhile', async () => {
    const input = { sample: draw(200, 120), components: 20, whiten: true };
    let turns = 0;
    const counting = setInterval(() => turns++, 1);
    const fitted = await fitApart('projection', input, {});
    clearInterval(counting);
    expect(fitted).toEqual(fitPca(input));
    expect(turns).toBeGreaterThan(0);
  });

  it('counts the steps of a task', async () => {
    const steps: number[] = [];
    const options = { onStep: (done: number) => steps.push(done) };
    const input = { images: [draw(40, 128), draw(60, 128)], words: 5, seed: 1, iterations: 4 };
    const { words } = await fitApart('vocabulary', input, options);
    expect(words.rows).toBe(5);
    expect(steps).toEqual([1, 2, 3, 4]);
  });

  it('refuses as the task does', async () => {
    await expect(fitApart('projection', { sample: draw(3, 8), components: 5 }, {})).rejects.toMatchObject({
      name: 'SemblanceError',
      code: 'BAD_USER_INPUT',
      message: 'Expected an integer from 1 to 2 (a sample of 3 × 8) for components but received 5',
    });
  });

  it('ends at once where it is stopped', async () => {
    const stop = new AbortController();
    // Many minutes.
    const fitting = fitApart('projection', { sample: draw(3000, 3000), components: 5 }, { signal: stop.signal });
    const reason = new Error('stopped');
    setImmediate(() => {
      stop.abort(reason);
    });
    await expect(fitting).rejects.toBe(reason);
    await expect(fitApart('projection', { sample: draw(3, 8), components: 2 }, stop)).rejects.toBe(reason);
  });
});
