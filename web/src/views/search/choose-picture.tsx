import { FileButton } from '../../parts/file-button.js';
import { useSearchWithFile } from './search-with-file.js';

interface ChoosePictureProps {
  readonly label: string;
  readonly primary?: boolean;
  /** Asks a phone's camera for the picture. */
  readonly camera?: boolean;
}

/** Asks for a picture to search with. */
export function ChoosePicture({ label, primary = false, camera = false }: ChoosePictureProps) {
  const searchWithFile = useSearchWithFile();
  return (
    <FileButton
      label={label}
      className={`button${primary ? ' button--primary' : ''}${camera ? ' only-touch' : ''}`}
      {...(camera ? { ask: 'camera' as const } : {})}
      onFiles={searchWithFile}
    />
  );
}
