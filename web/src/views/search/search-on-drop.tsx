import { useFileDrop } from '../../parts/file-drop.js';
import { searchWithDrop, searchWithFiles } from './search-with-files.js';

/** Everywhere that a view has no use of its own for files, dropping or pasting some searches with them. */
export function SearchOnDrop() {
  useFileDrop({
    label: 'Drop to find pictures that look like it',
    onFiles: (files) => void searchWithFiles(files),
    onDrop: (data) => void searchWithDrop(data),
  });
  return null;
}
