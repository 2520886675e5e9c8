import { useQuery } from '@apollo/client/react';
import { useMemo } from 'react';
import { useSearch as useQueryString } from 'wouter';
import { useHistoryState } from 'wouter/use-browser-location';
import { CompareMethodsDocument } from '../../generated/graphql.js';
import { navigate } from '../../lib/navigate.js';
import { ErrorNote } from '../../parts/error-note.js';
import { FileButton } from '../../parts/file-button.js';
import { useFileDrop } from '../../parts/file-drop.js';
import { usePageTitle } from '../../parts/page-title.js';
import { Waiting } from '../../parts/waiting.js';
import { uploadKeyOf, type UploadState } from '../search/search-with-file.js';
import { keepUpload, keptUpload } from '../search/upload-searches.js';
import type { QuerySource } from '../search/use-search.js';
import { compareAddress } from './address.js';
import { CompareStart } from './compare-start.js';
import { Comparison } from './comparison.js';
import { addMethod, maxMethods, readMethods, type Method } from './method.js';
import './compare.css';

/** The same query under two or three methods. The address holds them, and the query where it is a stored picture. */
export default function CompareView() {
  usePageTitle('Compare methods');
  const queryString = useQueryString();
  const state = useHistoryState<unknown>();
  const uploadKey = uploadKeyOf(state);
  const { imageId, keys } = useMemo(() => {
    const query = new URLSearchParams(queryString);
    return { imageId: query.get('image') ?? undefined, keys: query.getAll('method') };
  }, [queryString]);
  const source = useMemo<QuerySource | undefined>(() => {
    if (imageId !== undefined) return { kind: 'stored', imageId };
    const query = keptUpload(uploadKey);
    return query === undefined ? undefined : { kind: 'upload', query };
  }, [imageId, uploadKey]);
  const { data, error, loading, refetch } = useQuery(CompareMethodsDocument, { fetchPolicy: 'cache-and-network' });
  const methods = useMemo(() => (data === undefined ? undefined : readMethods(keys, data.methods)), [keys, data]);
  const compareFile = ([file]: readonly File[]): void => {
    if (file === undefined) return;
    const next: UploadState = { upload: keepUpload(file).key };
    navigate(compareAddress(undefined, methods ?? []), { state: next });
  };
  useFileDrop({ label: 'Drop to compare how methods find it', onFiles: compareFile });
  const choose = (next: readonly Method[]): void => {
    navigate(compareAddress(imageId, next), { state, replace: true });
  };
  return (
    <div className="compare">
      <div className="compare__head">
        <div>
          <h1>Compare methods</h1>
          <p className="muted">One picture, searched for in two or three ways. What several found is marked.</p>
        </div>
        <div className="compare__actions">
          {source !== undefined && data !== undefined && methods !== undefined && methods.length < maxMethods ? (
            <button
              type="button"
              className="button"
              onClick={() => {
                choose(addMethod(methods, data.methods));
              }}
            >
              Add a third method
            </button>
          ) : null}
          <FileButton
            label={source === undefined ? 'Choose a picture' : 'Another picture'}
            className={source === undefined ? 'button button--primary' : 'button'}
            onFiles={compareFile}
          />
        </div>
      </div>
      {error === undefined ? null : <ErrorNote error={error} onRetry={() => void refetch().catch(() => undefined)} />}
      {data === undefined && loading ? <Waiting label="Asking for the methods" /> : null}
      {source === undefined ? <CompareStart forgotten={uploadKey !== undefined} methods={methods ?? []} /> : null}
      {source === undefined || data === undefined || methods === undefined ? null : (
        <Comparison source={source} methods={data.methods} chosen={methods} onChoose={choose} />
      )}
    </div>
  );
}
