import { useFileDrop } from '../../parts/file-drop.js';
import { useSearchWithFile } from './search-with-file.js';

/** Everywhere that a view has no use of its own for files, dropping or pasting one searches with it. */
export function SearchOnDrop() {
  const searchWithFile = useSearchWithFile();
  useFileDrop({ label: 'Drop to find pictures that look like it', onFiles: searchWithFile });
  return null;
}
