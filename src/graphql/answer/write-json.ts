import { setImmediate } from 'node:timers/promises';
import { answerSliceMs } from '../../limits.js';
import { JsonText } from './json-text.js';

/** Between two looks at the clock and two counts of bytes. */
const chunkCharacters = 64 * 1024;

interface Container {
  readonly close: ']' | '}';
  /** Undefined for an array. */
  readonly keys: readonly string[] | undefined;
  readonly values: readonly unknown[];
  next: number;
}

/**
 * The JSON of what GraphQL answered, as JSON.stringify writes it. The event loop gets a turn every `answerSliceMs`, for tens of
 * megabytes at once would keep every other request waiting.
 * As bytes, for a string of them would be copied twice more until it is sent.
 * @param onBytes is told the bytes of UTF-8 written so far, and may throw to end it
 */
export async function writeJson(root: unknown, onBytes: (bytes: number) => void): Promise<readonly Buffer[]> {
  const chunks: Buffer[] = [];
  let chunk = '';
  let bytes = 0;
  let sliceEndMs = performance.now() + answerSliceMs;
  const open: Container[] = [];
  const write = (value: unknown): void => {
    const container = containerOf(value);
    if (container === undefined) {
      chunk += value instanceof JsonText ? value.text : JSON.stringify(value);
    } else {
      chunk += container.keys === undefined ? '[' : '{';
      open.push(container);
    }
  };
  const flush = (): void => {
    const written = Buffer.from(chunk);
    chunk = '';
    bytes += written.byteLength;
    onBytes(bytes);
    chunks.push(written);
  };

  write(root);
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    if (top.next === top.values.length) {
      chunk += top.close;
      open.pop();
    } else {
      if (top.next > 0) chunk += ',';
      if (top.keys !== undefined) chunk += `${JSON.stringify(top.keys[top.next])}:`;
      write(top.values[top.next++]);
    }
    if (chunk.length < chunkCharacters) continue;
    flush();
    if (performance.now() < sliceEndMs) continue;
    await setImmediate();
    sliceEndMs = performance.now() + answerSliceMs;
  }
  flush();
  return chunks;
}

/** Undefined for a leaf. GraphQL makes its objects without a prototype; all others are values of scalars. */
function containerOf(value: unknown): Container | undefined {
  if (Array.isArray(value)) return { close: ']', keys: undefined, values: value, next: 0 };
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== null) return undefined;
  return { close: '}', keys: Object.keys(value), values: Object.values(value), next: 0 };
}
