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
  plainSearch,
  searchKeyOf,
  startUploadSearch,
  subscribe,
  uploadSearch,
  type SearchMethod,
  type UploadedQuery,
} from './upload-searches.js';

/** What is searched with: a stored image, or a picture of the device. */
export type QuerySource =
  { readonly kind: 'stored'; readonly imageId: string } | { readonly kind: 'upload'; readonly query: UploadedQuery };

export type StoredQueryImage = NonNullable<QueryImageQuery['image']>;

export interface KnownQueryImage extends Pick<
  StoredQueryImage,
  'filename' | 'width' | 'height' | 'byteSize' | 'thumbnailUrl'
> {
  /** Undefined until the server has told. */
  readonly renditionUrl: string | undefined;
}

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
export function useSearch(source: QuerySource, region: RegionInput | undefined, method = plainSearch): Search {
  const stored = useStoredSearch(source.kind === 'stored' ? source.imageId : undefined, region, method);
  const uploaded = useUploadedSearch(source.kind === 'upload' ? source.query : undefined, region, method);
  const search = stored ?? uploaded;
  if (search === undefined) throw new Error('A search has a source');
  const [kept, setKept] = useState(search.hits);
  if (search.hits !== undefined && search.hits !== kept) setKept(search.hits);
  return { ...search, hits: search.hits ?? (search.error === undefined ? kept : undefined) };
}

export interface QueryImage {
  /** Undefined while it loads, null where there is none. */
  readonly image: KnownQueryImage | null | undefined;
  readonly error: unknown;
  readonly retry: () => void;
}

/** The stored image that is searched with, at once as far as a list has shown it before. */
export function useKnownQueryImage(source: QuerySource): QueryImage {
  const { data, error, refetch } = useQuery(
    QueryImageDocument,
    source.kind === 'stored' ? { variables: { id: source.imageId }, returnPartialData: true } : skipToken,
  );
  const image = data?.image;
  return {
    image: image === null || image === undefined ? image : toKnown(image),
    error,
    retry: () => {
      refetch().catch(() => undefined);
    },
  };
}

function toKnown(image: Partial<StoredQueryImage>): KnownQueryImage | undefined {
  const { filename, width, height, byteSize, thumbnailUrl, renditionUrl } = image;
  if (filename === undefined || width === undefined || height === undefined) return undefined;
  if (byteSize === undefined || thumbnailUrl === undefined) return undefined;
  return { filename, width, height, byteSize, thumbnailUrl, renditionUrl };
}

function useStoredSearch(
  imageId: string | undefined,
  region: RegionInput | undefined,
  method: SearchMethod,
): Search | undefined {
  const searchKey = searchKeyOf(imageId ?? '', region, method);
  const { data, error, loading, refetch } = useQuery(
    SearchByImageDocument,
    imageId === undefined
      ? skipToken
      : {
          variables: { imageId, region: region ?? null, ...method },
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

function useUploadedSearch(
  query: UploadedQuery | undefined,
  region: RegionInput | undefined,
  method: SearchMethod,
): Search | undefined {
  const client = useApolloClient();
  const searchKey = query === undefined ? '' : searchKeyOf(query.key, region, method);
  const search = useSyncExternalStore(subscribe, () => uploadSearch(searchKey));
  useEffect(() => {
    if (query !== undefined && search === undefined) startUploadSearch(client, query, region, method);
  }, [client, query, region, method, search]);
  if (query === undefined) return undefined;
  return {
    searchKey,
    hits: search?.kind === 'found' ? search.hits : undefined,
    running: search === undefined || search.kind === 'running',
    sent: search?.kind === 'running' ? search.sent : undefined,
    error: search?.kind === 'failed' ? search.error : undefined,
    retry: () => {
      startUploadSearch(client, query, region, method);
    },
  };
}
