import type { ApolloClient } from '@apollo/client';
import { onImageGone } from '../../client.js';
import { SearchByUploadDocument, type HitFragment, type RegionInput, type Rerank } from '../../generated/graphql.js';
import { regionKey } from './region.js';

/** How it is searched: the space, what orders the hits, and their number. */
export interface SearchMethod {
  /** The active one where it is null. */
  readonly space: string | null;
  /** Their similarity alone where it is null. */
  readonly rerank: Rerank | null;
  readonly k: number;
}

/** All results come in one answer, and are revealed as they are scrolled to. */
export const plainSearch: SearchMethod = { space: null, rerank: null, k: 100 };

/** Pictures from the device that the tab keeps, so that going back finds them and their results. */
export const maxKept = 20;

export interface UploadedQuery {
  readonly key: string;
  readonly file: File;
  /** Of the file, for as long as it is kept. */
  readonly previewUrl: string;
  /** Pixels; undefined until it was measured, and where this browser cannot read the file, which the server may still do. */
  readonly size: { readonly width: number; readonly height: number } | undefined;
}

export type UploadSearch =
  | { readonly kind: 'running'; readonly sent: number }
  | { readonly kind: 'found'; readonly hits: readonly HitFragment[] }
  | { readonly kind: 'failed'; readonly error: unknown };

const queries = new Map<string, UploadedQuery>();
const searches = new Map<string, UploadSearch>();
const listeners = new Set<() => void>();
let count = 0;

/** Keeps a file as a query. Its key goes into the history's state, never into an address: nobody else could open it. */
export function keepUpload(file: File): UploadedQuery {
  count += 1;
  // Unlike a count alone, it differs from the keys before a reload, which the history still holds.
  const key = `${performance.timeOrigin}-${count}`;
  const previewUrl = URL.createObjectURL(file);
  const query = { key, file, previewUrl, size: undefined };
  queries.set(query.key, query);
  const oldest = queries.size > maxKept ? queries.values().next().value : undefined;
  if (oldest !== undefined) {
    queries.delete(oldest.key);
    URL.revokeObjectURL(oldest.previewUrl);
    for (const key of [...searches.keys()].filter((each) => each.startsWith(oldest.key))) searches.delete(key);
  }
  return query;
}

/** Before the picture is shown, so that nothing moves when it is. */
export async function measureUpload(key: string): Promise<void> {
  const query = queries.get(key);
  if (query === undefined) return;
  try {
    const bitmap = await createImageBitmap(query.file);
    const { width, height } = bitmap;
    bitmap.close();
    if (queries.has(key)) queries.set(key, { ...query, size: { width, height } });
  } catch {
    // Its size becomes known when it is shown, if it ever is.
  }
}

export function keptUpload(key: string | undefined): UploadedQuery | undefined {
  return key === undefined ? undefined : queries.get(key);
}

export function searchKeyOf(
  query: string,
  region: RegionInput | undefined,
  { space, rerank, k }: SearchMethod,
): string {
  return [query, regionKey(region), space ?? '', rerank ?? '', k].join('/');
}

export function uploadSearch(searchKey: string): UploadSearch | undefined {
  return searches.get(searchKey);
}

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

onImageGone((imageId) => {
  for (const [key, search] of searches) {
    if (search.kind !== 'found') continue;
    const hits = search.hits.filter(({ image }) => image.id !== imageId);
    if (hits.length < search.hits.length) searches.set(key, { kind: 'found', hits });
  }
  for (const listener of listeners) listener();
});

/** Sends the file, unless this very search was answered or is under way. */
export function startUploadSearch(
  client: ApolloClient,
  query: UploadedQuery,
  region: RegionInput | undefined,
  method: SearchMethod,
): void {
  const searchKey = searchKeyOf(query.key, region, method);
  const known = searches.get(searchKey);
  if (known !== undefined && known.kind !== 'failed') return;
  const set = (search: UploadSearch): void => {
    searches.set(searchKey, search);
    for (const listener of listeners) listener();
  };
  set({ kind: 'running', sent: 0 });
  client
    .query({
      query: SearchByUploadDocument,
      variables: { file: query.file, region: region ?? null, ...method },
      // A file is no key that a cache could tell from another.
      fetchPolicy: 'no-cache',
      context: {
        searchKey,
        queryDeduplication: false,
        fetchOptions: {
          onUploadProgress: (sent: number) => {
            set({ kind: 'running', sent });
          },
        },
      },
    })
    .then(
      ({ data }) => {
        set({ kind: 'found', hits: data?.searchByUpload ?? [] });
      },
      (error: unknown) => {
        set({ kind: 'failed', error });
      },
    );
}
