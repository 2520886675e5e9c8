import { useQuery } from '@apollo/client/react';
import { useMemo } from 'react';
import { Link, useSearch as useQueryString } from 'wouter';
import { useHistoryState } from 'wouter/use-browser-location';
import { CompareMethodsDocument } from '../../generated/graphql.js';
import { navigate } from '../../lib/navigate.js';
import { ErrorNote } from '../../parts/error-note.js';
import { FileButton } from '../../parts/file-button.js';
import { useFileDrop } from '../../parts/file-drop.js';
import { usePageTitle } from '../../parts/page-title.js';
import { Waiting } from '../../parts/waiting.js';
import { GivenTogether } from '../search/given-together.js';
import { parseRegion } from '../search/region.js';
import { searchWithDrop, searchWithFiles, uploadStateOf } from '../search/search-with-files.js';
import { keptUpload } from '../search/upload-searches.js';
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
  const upload = uploadStateOf(state);
  const uploadKey = upload?.upload;
  const { imageId, region, keys } = useMemo(() => {
    const query = new URLSearchParams(queryString);
    return {
      imageId: query.get('image') ?? undefined,
      region: parseRegion(query.get('region')),
      keys: query.getAll('method'),
    };
  }, [queryString]);
  const source = useMemo<QuerySource | undefined>(() => {
    if (imageId !== undefined) return { kind: 'stored', imageId };
    const query = keptUpload(uploadKey);
    return query === undefined ? undefined : { kind: 'upload', query };
  }, [imageId, uploadKey]);
  const { data, error, loading, refetch } = useQuery(CompareMethodsDocument, { fetchPolicy: 'cache-and-network' });
  const methods = useMemo(() => (data === undefined ? undefined : readMethods(keys, data.methods)), [keys, data]);
  const uploadAddress = compareAddress(undefined, methods);
  const compareFiles = (files: readonly File[]): void => void searchWithFiles(files, uploadAddress);
  useFileDrop({
    label: 'Drop to compare how methods find it',
    onFiles: compareFiles,
    onDrop: (data) => void searchWithDrop(data, uploadAddress),
  });
  const choose = (next: readonly Method[]): void => {
    navigate(compareAddress(imageId, next, region), { state, replace: true });
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
          {source === undefined || region === undefined ? null : (
            <Link href={compareAddress(imageId, methods)} state={state} className="button">
              Whole picture
            </Link>
          )}
          <FileButton
            label={source === undefined ? 'Choose a picture' : 'Another picture'}
            className={source === undefined ? 'button button--primary' : 'button'}
            onFiles={compareFiles}
          />
        </div>
      </div>
      {error === undefined ? null : <ErrorNote error={error} onRetry={() => void refetch().catch(() => undefined)} />}
      {data === undefined && loading ? <Waiting label="Asking for the methods" /> : null}
      {source === undefined ? <CompareStart forgotten={uploadKey !== undefined} methods={methods ?? []} /> : null}
      {upload === undefined || imageId !== undefined ? null : <GivenTogether state={upload} address={uploadAddress} />}
      {source === undefined || data === undefined || methods === undefined ? null : (
        <Comparison source={source} region={region} methods={data.methods} chosen={methods} onChoose={choose} />
      )}
    </div>
  );
}
