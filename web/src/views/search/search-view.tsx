import { useMemo } from 'react';
import { useSearch as useQueryString } from 'wouter';
import { useHistoryState } from 'wouter/use-browser-location';
import { paths } from '../../lib/paths.js';
import { parseRegion } from './region.js';
import { SearchResults } from './search-results.js';
import { SearchStart } from './search-start.js';
import { GivenTogether } from './given-together.js';
import { uploadStateOf } from './search-with-files.js';
import { keptUpload } from './upload-searches.js';
import type { QuerySource } from './use-search.js';
import './search.css';

/** Without a query, how to begin; with one, what looks like it. */
export function SearchView({ imageId }: { readonly imageId: string | undefined }) {
  const upload = uploadStateOf(useHistoryState<unknown>());
  const uploadKey = upload?.upload;
  const queryString = useQueryString();
  const region = useMemo(() => parseRegion(new URLSearchParams(queryString).get('region')), [queryString]);
  const source = useMemo<QuerySource | undefined>(() => {
    if (imageId !== undefined) return { kind: 'stored', imageId };
    const query = keptUpload(uploadKey);
    return query === undefined ? undefined : { kind: 'upload', query };
  }, [imageId, uploadKey]);
  if (source === undefined) return <SearchStart forgotten={uploadKey !== undefined} />;
  return (
    <>
      {upload === undefined || imageId !== undefined ? null : <GivenTogether state={upload} address={paths.upload} />}
      <SearchResults source={source} region={region} />
    </>
  );
}
