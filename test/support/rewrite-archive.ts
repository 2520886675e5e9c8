import { ArchiveDigest, encodeEnd, type ArchiveEntry } from '../../src/images/archive/format.js';
import { createTarWriter, readTar } from '../../src/images/archive/tar-archive.js';

/**
 * Copies a tar file that `export` wrote, with right checksums whatever is changed.
 * @param change of the JSON of gallery.json and of each image.json; what it answers takes the entry's place as it stands
 */
export async function rewriteArchive(
  source: string,
  target: string,
  change: (path: string, json: Record<string, unknown>, bytes: Buffer) => Buffer | undefined,
): Promise<void> {
  const digest = new ArchiveDigest();
  const writer = await createTarWriter(target);
  let images = 0;
  const add = async (entry: ArchiveEntry): Promise<void> => {
    digest.add(entry);
    await writer.add(entry);
  };
  for await (const { path, bytes } of readTar(source)) {
    if (path === 'end.json') continue;
    const isJson = path.endsWith('.json');
    const json = isJson ? (JSON.parse(bytes.toString()) as Record<string, unknown>) : {};
    const replaced = change(path, json, bytes);
    if (path.endsWith('/image.json')) images += 1;
    await add({ path, bytes: replaced ?? (isJson ? Buffer.from(JSON.stringify(json, undefined, 1)) : bytes) });
  }
  await writer.add(encodeEnd({ images, sha256: digest.hex }));
  await writer.finish();
}
