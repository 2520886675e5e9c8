import { setTimeout } from 'node:timers/promises';

/** Longer than V8 optimises a function in the background, also where processors are short. */
const settleMs = 200;

/**
 * Between a thread's work and its end. V8 optimises in the background what a thread ran, and where that allocates while the
 * thread is taken down, Node 20 aborts the whole process ("Assertion failed: (data.first) != nullptr").
 */
export async function settle(): Promise<void> {
  await setTimeout(settleMs);
}
