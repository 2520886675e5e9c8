import { skipToken, useApolloClient, useQuery } from '@apollo/client/react';
import { useEffect, useState, useSyncExternalStore } from 'react';
import {
  QueryImageDocument,
  SearchByImageDocument,
  type HitFragment,
  type QueryImageQuery,
  type RegionInput,
} from '../../generated/graphql.js';
import {
  searchK,
  startUploadSearch,
  subscribe,
  uploadSearch,
  uploadSearchKey,
  type UploadedQuery,
} from './upload-searches.js';
import { regionKey } from './region.js';

/** What is searched with: a stored image, or a picture of the device. */
export type QuerySource =
  { readonly kind: 'stored'; readonly imageId: string } | { readonly kind: 'upload'; readonly query: UploadedQuery };

export type StoredQueryImage = NonNullable<QueryImageQuery['image']>;

export interface Search {
  /** Under which its times are kept. */
  readonly searchKey: string;
  /** Of this search, or while it runs of the one before: the page does not go blank in between. */
  readonly hits: readonly HitFragment[] | undefined;
  readonly running: boolean;
  /** Share of an upload that was sent. */
  readonly sent: number | undefined;
  readonly error: unknown;
  readonly retry: () => void;
}

/** One request for all results, however many are shown. */
export function useSearch(source: QuerySource, region: RegionInput | undefined): Search {
  const stored = useStoredSearch(source.kind === 'stored' ? source.imageId : undefined, region);
  const uploaded = useUploadedSearch(source.kind === 'upload' ? source.query : undefined, region);
  const search = stored ?? uploaded;
  if (search === undefined) throw new Error('A search has a source');
  const [kept, setKept] = useState(search.hits);
  if (search.hits !== undefined && search.hits !== kept) setKept(search.hits);
  return { ...search, hits: search.hits ?? (search.error === undefined ? kept : undefined) };
}

/** The stored image that is searched with; undefined while it loads, null where there is none. */
export function useQueryImage(source: QuerySource): StoredQueryImage | null | undefined {
  const { data } = useQuery(
    QueryImageDocument,
    source.kind === 'stored' ? { variables: { id: source.imageId } } : skipToken,
  );
  return data?.image;
}

function useStoredSearch(imageId: string | undefined, region: RegionInput | undefined): Search | undefined {
  const searchKey = `${imageId ?? ''}/${regionKey(region)}`;
  const { data, error, loading, refetch } = useQuery(
    SearchByImageDocument,
    imageId === undefined
      ? skipToken
      : {
          variables: { imageId, k: searchK, region: region ?? null },
          context: { searchKey },
          notifyOnNetworkStatusChange: true,
        },
  );
  if (imageId === undefined) return undefined;
  return {
    searchKey,
    hits: data?.similarImages,
    running: loading,
    sent: undefined,
    error: loading ? undefined : error,
    retry: () => {
      refetch().catch(() => undefined);
    },
  };
}

function useUploadedSearch(query: UploadedQuery | undefined, region: RegionInput | undefined): Search | undefined {
  const client = useApolloClient();
  const searchKey = query === undefined ? '' : uploadSearchKey(query, region);
  const search = useSyncExternalStore(subscribe, () => uploadSearch(searchKey));
  useEffect(() => {
    if (query !== undefined && search === undefined) startUploadSearch(client, query, region);
  }, [client, query, region, search]);
  if (query === undefined) return undefined;
  return {
    searchKey,
    hits: search?.kind === 'found' ? search.hits : undefined,
    running: search === undefined || search.kind === 'running',
    sent: search?.kind === 'running' ? search.sent : undefined,
    error: search?.kind === 'failed' ? search.error : undefined,
    retry: () => {
      startUploadSearch(client, query, region);
    },
  };
}
