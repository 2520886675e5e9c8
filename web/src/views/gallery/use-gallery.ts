import type { ApolloClient } from '@apollo/client';
import { useApolloClient, useQuery } from '@apollo/client/react';
import { useCallback, useEffect, useRef, useState } from 'react';
import {
  GalleryHeadDocument,
  GalleryPageDocument,
  type GalleryImageFragment,
  type GalleryPageQuery,
  type ImageFilter,
} from '../../generated/graphql.js';

const pageSize = 60;

export interface Gallery {
  /** Newest first, as far as it was read. Of the former filter while the answer to a new one is under way. */
  readonly images: readonly GalleryImageFragment[] | undefined;
  readonly totalCount: number;
  readonly hasMore: boolean;
  readonly loading: boolean;
  readonly error: unknown;
  readonly loadMore: () => void;
  /** Reads it anew from the newest on. */
  readonly reload: () => void;
}

/** The list under one filter; `{}` is all. It outlives the view, so that going back finds it as it was left. */
export function useGallery(filter: ImageFilter): Gallery {
  const { data, previousData, error, loading, fetchMore, refetch } = useQuery(GalleryPageDocument, {
    variables: { first: pageSize, filter },
    notifyOnNetworkStatusChange: true,
  });
  useFreshness(filter);
  const [moreError, setMoreError] = useState<unknown>();
  const loadingMore = useRef(false);
  const shown = data ?? previousData;
  const endCursor = data?.images.pageInfo.endCursor;
  const hasMore = data?.images.pageInfo.hasNextPage === true;
  const loadMore = useCallback(() => {
    if (!hasMore || loadingMore.current) return;
    loadingMore.current = true;
    setMoreError(undefined);
    fetchMore({ variables: { after: endCursor } })
      .catch(setMoreError)
      .finally(() => {
        loadingMore.current = false;
      });
  }, [fetchMore, hasMore, endCursor]);
  const reload = useCallback(() => {
    setMoreError(undefined);
    refetch().catch(() => undefined);
  }, [refetch]);
  return {
    images: shown?.images.edges.map(({ node }) => node),
    totalCount: shown?.images.totalCount ?? 0,
    hasMore,
    loading,
    error: loading ? undefined : (error ?? moreError),
    loadMore: moreError === undefined ? loadMore : ignore,
    reload: moreError === undefined ? reload : loadMore,
  };
}

/** A list that the tab kept may have grown or shrunk meanwhile: one small question tells. */
function useFreshness(filter: ImageFilter): void {
  const client = useApolloClient();
  const kept = useRef(new Set<string>());
  const key = JSON.stringify(filter);
  useEffect(() => {
    const asked = JSON.parse(key) as ImageFilter;
    const list = readList(client, asked);
    if (list === null || kept.current.has(key)) return;
    kept.current.add(key);
    client.query({ query: GalleryHeadDocument, variables: { filter: asked }, fetchPolicy: 'no-cache' }).then(
      ({ data }) => {
        const head = data?.images;
        if (head === undefined || readList(client, asked) === null) return;
        if (head.edges[0]?.node.id === list.images.edges[0]?.node.id) {
          // What was deleted elsewhere stays until the page is loaded anew; pulling rows away under a reader does not help.
          updateList(client, asked, (images) => ({ ...images, totalCount: head.totalCount }));
        } else {
          void client.refetchQueries({ include: [GalleryPageDocument] });
        }
      },
      () => undefined,
    );
  }, [client, key]);
}

/** Puts a picture that was just stored before all others. Under a filter, whether it passes the server must say. */
export function addToGallery(client: ApolloClient, image: GalleryImageFragment): void {
  updateList(client, {}, (images) => {
    if (images.edges.some(({ node }) => node.id === image.id)) return images;
    // Pages are read on from the last edge: the first needs no cursor.
    const edge = { __typename: 'ImageEdge', cursor: '', node: image } as List['edges'][number];
    return {
      ...images,
      totalCount: images.totalCount + 1,
      edges: [edge, ...images.edges],
    };
  });
}

/** Takes deleted pictures out of the list under that filter. */
export function removeFromGallery(client: ApolloClient, filter: ImageFilter, ids: ReadonlySet<string>): void {
  updateList(client, filter, (images) => {
    const edges = images.edges.filter(({ node }) => !ids.has(node.id));
    return { ...images, edges, totalCount: images.totalCount - (images.edges.length - edges.length) };
  });
}

type List = GalleryPageQuery['images'];

function readList({ cache }: ApolloClient, filter: ImageFilter): GalleryPageQuery | null {
  return cache.readQuery({ query: GalleryPageDocument, variables: { first: pageSize, filter } });
}

function updateList({ cache }: ApolloClient, filter: ImageFilter, change: (images: List) => List): void {
  cache.updateQuery({ query: GalleryPageDocument, variables: { first: pageSize, filter }, overwrite: true }, (data) =>
    data === null ? undefined : { ...data, images: change(data.images) },
  );
}

function ignore(): void {
  // An error shows its own button.
}
