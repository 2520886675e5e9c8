import { setImmediate } from 'node:timers/promises';
import { answerSliceMs } from '../../base/limits.js';
import { JsonText } from '../../base/graphql/json-text.js';

/** Between two looks at the clock and two counts of bytes. */
const chunkCharacters = 64 * 1024;

type Open =
  | { readonly items: readonly unknown[]; next: number }
  | { readonly fields: Readonly<Record<string, unknown>>; readonly keys: readonly string[]; next: number };

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
  const open: Open[] = [];
  // Rows repeat their names.
  const names = new Map<string, string>();
  const nameOf = (key: string): string => {
    let name = names.get(key);
    if (name === undefined) names.set(key, (name = `${JSON.stringify(key)}:`));
    return name;
  };
  const write = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) {
      chunk += typeof value === 'number' || typeof value === 'boolean' ? String(value) : JSON.stringify(value);
    } else if (Array.isArray(value)) {
      chunk += '[';
      open.push({ items: value, next: 0 });
    } else if (value instanceof JsonText) {
      chunk += value.text;
    } else if (Object.getPrototypeOf(value) === null) {
      // GraphQL makes its objects without a prototype; all others are values of scalars.
      chunk += '{';
      open.push({ fields: value as Readonly<Record<string, unknown>>, keys: Object.keys(value), next: 0 });
    } else {
      chunk += JSON.stringify(value);
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
    const length = 'keys' in top ? top.keys.length : top.items.length;
    if (top.next === length) {
      chunk += 'keys' in top ? '}' : ']';
      open.pop();
    } else {
      if (top.next > 0) chunk += ',';
      const at = top.next++;
      if ('keys' in top) {
        const key = top.keys[at] ?? '';
        chunk += nameOf(key);
        write(top.fields[key]);
      } else {
        write(top.items[at]);
      }
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
