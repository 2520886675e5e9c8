import { ApolloClient, ApolloLink, InMemoryCache } from '@apollo/client';
import { relayStylePagination } from '@apollo/client/utilities';
import UploadHttpLink from 'apollo-upload-client/UploadHttpLink.mjs';
import { tap } from 'rxjs';
import { fetchWithAccess } from './lib/fetch-with-access.js';
import { pathPrefix } from './lib/path-prefix.js';
import { recordSearchTimes } from './lib/search-times.js';

/** The one way in which the page talks to the server: the public GraphQL API, files as multipart requests. */
export function createClient(): ApolloClient {
  return new ApolloClient({
    cache: new InMemoryCache({
      typePolicies: {
        EmbeddingSpace: { keyFields: ['name'] },
        RerankMethod: { keyFields: ['name'] },
        Query: {
          fields: {
            images: relayStylePagination(['filter']),
            status: { merge: true },
            methods: { merge: true },
            // What a list brought needs no second request; null stays null.
            image: (existing: unknown, { args, toReference }) =>
              existing === undefined ? toReference({ __typename: 'Image', id: String(args?.['id']) }) : existing,
          },
        },
      },
    }),
    link: ApolloLink.from([
      searchTimesLink,
      new UploadHttpLink({
        uri: `${pathPrefix}/graphql`,
        // No page of another origin can send it without asking first, so the server takes no upload without it.
        headers: { 'Apollo-Require-Preflight': 'true' },
        fetch: fetchWithAccess,
      }),
    ]),
  });
}

/** Keeps `extensions.semblance` of every answer that searched; `context.searchKey` tells which search it was. */
const searchTimesLink = new ApolloLink((operation, forward) =>
  forward(operation).pipe(
    tap((result) => {
      const { searchKey } = operation.getContext();
      recordSearchTimes(result.extensions?.['semblance'], typeof searchKey === 'string' ? searchKey : undefined);
    }),
  ),
);

const keepers = new Set<(imageId: string) => void>();

/** For what a module keeps of images beside the cache: called with each that is no longer stored. */
export function onImageGone(forget: (imageId: string) => void): void {
  keepers.add(forget);
}

/** The server has said that there is no such image. */
export function noteImageGone(id: string): void {
  for (const forget of keepers) forget(id);
}

/** Takes a deleted image out of everything that was read: lists that held it are asked for again. */
export function forgetImage({ cache }: ApolloClient, id: string): void {
  noteImageGone(id);
  const entity = cache.identify({ __typename: 'Image', id });
  if (entity !== undefined) cache.evict({ id: entity });
  for (const fieldName of ['similarImages', 'image', 'status']) cache.evict({ id: 'ROOT_QUERY', fieldName });
  cache.gc();
}

/** After uploads: neighbours and counts that were read are no longer true. */
export function forgetNeighbours({ cache }: ApolloClient): void {
  for (const fieldName of ['similarImages', 'status', 'methods']) cache.evict({ id: 'ROOT_QUERY', fieldName });
  cache.gc();
}

/** The same, and the lists of pictures with them. */
export function forgetLists(client: ApolloClient): void {
  client.cache.evict({ id: 'ROOT_QUERY', fieldName: 'images' });
  forgetNeighbours(client);
}
