import { useApolloClient } from '@apollo/client/react';
import { useRef } from 'react';
import { pickedFromInput } from './picked-files.js';
import { addUploads } from './uploads.js';

interface AddPicturesProps {
  readonly label: string;
  readonly primary?: boolean;
  /** Asks for a folder, of which all files are taken. */
  readonly folder?: boolean;
}

/** A button that asks for pictures to store. */
export function AddPictures({ label, primary = false, folder = false }: AddPicturesProps) {
  const input = useRef<HTMLInputElement>(null);
  const client = useApolloClient();
  return (
    <>
      <button
        type="button"
        className={`button${primary ? ' button--primary' : ''}${folder ? ' only-fine' : ''}`}
        onClick={() => input.current?.click()}
      >
        {label}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        multiple
        {...(folder ? { webkitdirectory: '' } : { accept: 'image/*,.avif,.tif,.tiff' })}
        aria-label={label}
        onChange={({ currentTarget }) => {
          addUploads(client, pickedFromInput(currentTarget.files ?? []));
          // The same files chosen again are a change, too.
          currentTarget.value = '';
        }}
      />
    </>
  );
}
