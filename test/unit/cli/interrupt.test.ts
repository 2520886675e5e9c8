import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { interruptedExitCode, untilInterrupted } from '../../../src/cli/run.js';

let exitCode: typeof process.exitCode;
let written: string[];
beforeEach(() => {
  exitCode = process.exitCode;
  written = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
});
afterEach(() => {
  process.exitCode = exitCode;
  vi.restoreAllMocks();
});

test('a command that Ctrl-C reaches while it opens the gallery ends with a line and 130', async () => {
  await untilInterrupted((signal) => {
    process.emit('SIGINT');
    signal.throwIfAborted();
    return Promise.resolve();
  });
  expect(process.exitCode).toBe(interruptedExitCode);
  expect(written.at(-1)).toBe('Interrupted: nothing more was begun.\n');
});

test('a command that finishes what it was at after Ctrl-C ends with 130 as well', async () => {
  await untilInterrupted(() => {
    process.emit('SIGINT');
    return Promise.resolve();
  });
  expect(process.exitCode).toBe(interruptedExitCode);
});

test('what else goes wrong after Ctrl-C is told, and Ctrl-C is the shell\u2019s again afterwards', async () => {
  const listeners = process.listenerCount('SIGINT');
  const failing = untilInterrupted(() => {
    process.emit('SIGINT');
    return Promise.reject(new Error('The disk is full'));
  });
  await expect(failing).rejects.toThrow('The disk is full');
  expect(process.exitCode).toBe(interruptedExitCode);
  expect(process.listenerCount('SIGINT')).toBe(listeners);
});
