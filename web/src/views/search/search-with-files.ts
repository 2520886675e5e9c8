import { navigate } from '../../lib/navigate.js';
import { paths } from '../../lib/paths.js';
import { pickedFromDrop } from '../gallery/picked-files.js';
import { keepUpload, maxKept, measureUpload } from './upload-searches.js';

/** In the history's entry of a search with a picture of the device. */
export interface UploadState {
  readonly upload: string;
  /** The keys of all that were given at once, this one among them. */
  readonly together: readonly string[];
  /** How many more pictures were given than are kept. */
  readonly leftOut: number;
  /** How many files were left out because they are no pictures. */
  readonly otherFiles: number;
}

/** A browser knows no type for some pictures, or the one of any bytes. */
const mayBePicture = ({ type }: File): boolean => /^(image\/.*|application\/octet-stream|)$/.test(type);

/**
 * Opens what is found by the first picture; the others stand beside it, and each is searched with once it is opened. Files
 * whose type is that of something else are left out, unless there are no others: then the server says of the first what
 * is wrong with it.
 * @param address of the view that searches
 */
export async function searchWithFiles(files: Iterable<File>, address: string = paths.upload): Promise<void> {
  const all = [...files];
  const pictures = all.filter(mayBePicture);
  const given = pictures.length > 0 ? pictures : all.slice(0, 1);
  const together = given.slice(0, maxKept).map((file) => keepUpload(file).key);
  const [upload, ...others] = together;
  if (upload === undefined) return;
  await measureUpload(upload);
  const state: UploadState = {
    upload,
    together,
    leftOut: given.length - together.length,
    otherFiles: all.length - given.length,
  };
  navigate(address, { state });
  window.scrollTo(0, 0);
  // One at a time: each is decoded for it.
  for (const key of others) await measureUpload(key);
}

/** The same with what was dropped, folders with everything in them. */
export async function searchWithDrop(data: DataTransfer, address?: string): Promise<void> {
  const files = [...data.files];
  const picked = await pickedFromDrop(data);
  // A file that a folder would hide is meant where it alone is given.
  await searchWithFiles(picked.length > 0 ? picked.map(({ file }) => file) : files, address);
}

export function uploadStateOf(state: unknown): UploadState | undefined {
  if (typeof state !== 'object' || state === null) return undefined;
  const { upload, together, leftOut, otherFiles } = state as Partial<UploadState>;
  if (typeof upload !== 'string') return undefined;
  return { upload, together: together ?? [upload], leftOut: leftOut ?? 0, otherFiles: otherFiles ?? 0 };
}
