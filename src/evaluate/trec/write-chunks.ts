import { once } from 'node:events';
import type { Writable } from 'node:stream';

const chunkCharacters = 64 * 1024;

/** Writes text in chunks and waits whenever the stream is full, so that a file of any length passes through. */
export async function writeChunks(output: Writable, texts: Iterable<string>): Promise<void> {
  let chunk = '';
  for (const text of texts) {
    chunk += text;
    if (chunk.length < chunkCharacters) continue;
    if (!output.write(chunk)) await once(output, 'drain');
    chunk = '';
  }
  if (chunk !== '' && !output.write(chunk)) await once(output, 'drain');
}
