import { setImmediate } from 'node:timers/promises';

/** Work on the main thread between two turns of the event loop: requests that wait notice no more than this. */
const sliceMs = 8;

/** Calls `work` for each index below `count`, and gives the event loop a turn every `sliceMs`. */
export async function inTurns(count: number, work: (index: number) => void): Promise<void> {
  let sliceEnd = performance.now() + sliceMs;
  for (let index = 0; index < count; index++) {
    if (performance.now() >= sliceEnd) {
      await setImmediate();
      sliceEnd = performance.now() + sliceMs;
    }
    work(index);
  }
}

/** One score for each item. */
export async function scoreEach<T>(items: readonly T[], score: (item: T) => number): Promise<Float64Array> {
  const scores = new Float64Array(items.length);
  await inTurns(items.length, (index) => {
    scores[index] = score(items[index]!);
  });
  return scores;
}
