import { useApolloClient } from '@apollo/client/react';
import { useMay } from '../../lib/rights.js';
import { FileButton } from '../../parts/file-button.js';
import { pickedFromInput } from './picked-files.js';
import { addUploads } from './uploads.js';

interface AddPicturesProps {
  readonly label: string;
  readonly primary?: boolean;
  /** Asks for a folder, of which all files are taken. */
  readonly folder?: boolean;
}

/** Asks for pictures to store. */
export function AddPictures({ label, primary = false, folder = false }: AddPicturesProps) {
  const client = useApolloClient();
  const mayAdd = useMay('write');
  return (
    <FileButton
      label={label}
      className={`button${primary ? ' button--primary' : ''}${folder ? ' only-fine' : ''}`}
      disabled={!mayAdd}
      ask={folder ? 'folder' : 'pictures'}
      onFiles={(files) => {
        addUploads(client, pickedFromInput(files));
      }}
    />
  );
}
