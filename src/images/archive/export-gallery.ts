import { stat } from 'node:fs/promises';
import { ConfigurationError, messageOf } from '../../base/errors.js';
import type { ArchiveStore } from './archive-store.js';
import type { GallerySnapshot } from './archive-sql.js';
import { createFolderWriter } from './folder-archive.js';
import {
  ArchiveDigest,
  encodeEnd,
  encodeGallery,
  encodeImage,
  type ArchiveEntry,
  type ArchiveWriter,
} from './format.js';
import { createTarWriter } from './tar-archive.js';

export interface ExportInput {
  /** Absolute. A tar file where it ends in `.tar`, else a folder; nothing may be there. */
  readonly target: string;
  readonly onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ExportedGallery {
  readonly images: number;
  readonly spaces: readonly string[];
}

const idsPerPage = 1_000;

/**
 * Writes images with ids, times, metadata, renditions and vectors, and spaces with what was fitted and learned for them: as they
 * are at one moment, one image in memory at a time. Nothing bears the target's name before all is written.
 * @throws ConfigurationError where the target cannot be written; `signal`'s reason
 */
export async function exportGallery(
  store: Pick<ArchiveStore, 'snapshot'>,
  { target, onProgress, signal }: ExportInput,
): Promise<ExportedGallery> {
  const isThere = await stat(target).then(
    () => true,
    () => false,
  );
  if (isThere) throw new ConfigurationError(`${target} is there already: remove it, or name another.`);
  const writer = await createWriter(target);
  try {
    const exported = await store.snapshot(async (snapshot) => {
      const written = await writeGallery(snapshot, writer, { onProgress, signal });
      return written;
    });
    await writer.finish().catch(refuseTo(target));
    return exported;
  } finally {
    await writer.discard();
  }
}

async function createWriter(target: string): Promise<ArchiveWriter> {
  const create = target.endsWith('.tar') ? createTarWriter : createFolderWriter;
  const writer = await create(target).catch(refuseTo(target));
  return { ...writer, add: (entry) => writer.add(entry).catch(refuseTo(target)) };
}

async function writeGallery(
  snapshot: GallerySnapshot,
  writer: ArchiveWriter,
  { onProgress, signal }: Pick<ExportInput, 'onProgress' | 'signal'>,
): Promise<ExportedGallery> {
  const { spaces, imageCount: total } = snapshot;
  const names = new Map(spaces.map(({ id, name }) => [id, name]));
  const nameOf = (id: number): string => {
    const name = names.get(id);
    if (name === undefined) throw new Error('A vector of a space that the same snapshot lacks');
    return name;
  };
  const digest = new ArchiveDigest();
  const add = async (entry: ArchiveEntry): Promise<void> => {
    digest.add(entry);
    await writer.add(entry);
  };
  await add(encodeGallery(spaces));
  let images = 0;
  onProgress?.({ done: images, total });
  let after: string | undefined;
  for (;;) {
    const ids = await snapshot.imageIds({ after, limit: idsPerPage });
    for (const id of ids) {
      signal?.throwIfAborted();
      for (const entry of encodeImage(await snapshot.readImage(id), nameOf)) await add(entry);
      images += 1;
      onProgress?.({ done: images, total });
    }
    after = ids.at(-1);
    if (after === undefined) break;
  }
  await writer.add(encodeEnd({ images, sha256: digest.hex }));
  return { images, spaces: spaces.map(({ name }) => name) };
}

function refuseTo(target: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof Error && 'code' in error)) throw error;
    throw new ConfigurationError(`${target} cannot be written: ${messageOf(error)}`, { cause: error });
  };
}
