import { FileButton } from '../../parts/file-button.js';
import { searchWithFiles } from './search-with-files.js';

interface ChoosePictureProps {
  readonly label: string;
  readonly primary?: boolean;
  /** Asks a phone's camera for the picture. */
  readonly camera?: boolean;
}

/** Asks for a picture to search with. */
export function ChoosePicture({ label, primary = false, camera = false }: ChoosePictureProps) {
  return (
    <FileButton
      label={label}
      className={`button${primary ? ' button--primary' : ''}${camera ? ' only-touch' : ''}`}
      {...(camera ? { ask: 'camera' as const } : {})}
      onFiles={(files) => void searchWithFiles(files)}
    />
  );
}
