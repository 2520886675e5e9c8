import { useCallback } from 'react';
import { navigate } from '../../lib/navigate.js';
import { paths } from '../../lib/paths.js';
import { keepUpload, type UploadedQuery } from './upload-searches.js';

/** In the history's entry of a search with a picture of the device. */
export interface UploadState {
  readonly upload: string;
}

/** Opens the search for what looks like the first file; whether it is a picture the server says. */
export function useSearchWithFile(): (files: Iterable<File>) => void {
  return useCallback((files) => {
    const [file] = files;
    if (file === undefined) return;
    void measure(file).then((size) => {
      const state: UploadState = { upload: keepUpload(file, size).key };
      navigate(paths.upload, { state });
      window.scrollTo(0, 0);
    });
  }, []);
}

/** Before the picture is shown, so that nothing moves when it is. */
async function measure(file: File): Promise<UploadedQuery['size']> {
  try {
    const bitmap = await createImageBitmap(file);
    const { width, height } = bitmap;
    bitmap.close();
    return { width, height };
  } catch {
    return undefined;
  }
}

export function uploadKeyOf(state: unknown): string | undefined {
  if (typeof state !== 'object' || state === null) return undefined;
  const { upload } = state as Partial<UploadState>;
  return typeof upload === 'string' ? upload : undefined;
}
