import { useRef } from 'react';
import { useSearchWithFile } from './search-with-file.js';

const accepted = 'image/*,.avif,.tif,.tiff';

interface ChoosePictureProps {
  readonly label: string;
  readonly primary?: boolean;
  /** Asks a phone's camera for the picture. */
  readonly camera?: boolean;
}

/** A button that asks for a file. The input itself stays out of sight, for its looks differ by browser. */
export function ChoosePicture({ label, primary = false, camera = false }: ChoosePictureProps) {
  const input = useRef<HTMLInputElement>(null);
  const searchWithFile = useSearchWithFile();
  return (
    <>
      <button
        type="button"
        className={`button${primary ? ' button--primary' : ''}${camera ? ' only-touch' : ''}`}
        onClick={() => input.current?.click()}
      >
        {label}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        accept={accepted}
        aria-label={label}
        {...(camera ? { capture: 'environment' as const } : {})}
        onChange={({ currentTarget }) => {
          searchWithFile(currentTarget.files ?? []);
          // The same file chosen again is a change, too.
          currentTarget.value = '';
        }}
      />
    </>
  );
}
