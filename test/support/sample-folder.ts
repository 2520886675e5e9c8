import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drawSample } from '../../src/pixels/sample/draw-sample.js';

/** Writes the first pictures of some families of the sample gallery, a folder each. */
export async function writeSample(
  folder: string,
  options: { readonly families: readonly string[]; readonly perFamily: number },
): Promise<void> {
  const { families, perFamily } = options;
  for (const family of families) await mkdir(join(folder, family), { recursive: true });
  let left = families.length * perFamily;
  for await (const { label, filename, bytes } of drawSample()) {
    if (!families.includes(label)) continue;
    await writeFile(join(folder, label, filename), bytes);
    left -= 1;
    if (left === 0) return;
  }
  throw new RangeError(`The sample gallery lacks ${left} pictures of ${families.join(', ')}`);
}
