import { useApolloClient } from '@apollo/client/react';
import { useEffect, useSyncExternalStore } from 'react';
import { useAccess } from '../../lib/access.js';
import { useMay } from '../../lib/rights.js';
import { describeLack } from '../../parts/access/rights-note.js';
import { UploadStateText } from '../gallery/upload-state-text.js';
import { addUploads, currentUploads, forgetDeleted, retryUploads, subscribe } from '../gallery/uploads.js';

/** Stores the picture that was searched with, by the same queue as the gallery's uploads. */
export function AddToGallery({ file }: { readonly file: File }) {
  const client = useApolloClient();
  const { credential } = useAccess();
  const mayAdd = useMay('write');
  const upload = useSyncExternalStore(subscribe, () => currentUploads().find((each) => each.file === file));
  useEffect(() => {
    const ofFile = currentUploads().filter((each) => each.file === file);
    void forgetDeleted(client, ofFile);
  }, [client, file]);
  if (upload === undefined) {
    return (
      <div className="query__add">
        <button
          type="button"
          className="button"
          disabled={!mayAdd}
          onClick={() => {
            addUploads(client, [{ file, path: file.name }]);
          }}
        >
          Add this picture to the gallery
        </button>
        {mayAdd ? null : <p className="query__facts">{describeLack(credential, 'write', 'add pictures')}</p>}
      </div>
    );
  }
  const { id, state } = upload;
  return (
    <div className="query__add">
      <div className="upload__state" role="status">
        <UploadStateText state={state} name={file.name} sizeBytes={file.size} />
      </div>
      {state.kind === 'failed' ? (
        <button
          type="button"
          className="button"
          onClick={() => {
            retryUploads(client, new Set([id]));
          }}
        >
          Try to add it again
        </button>
      ) : null}
    </div>
  );
}
