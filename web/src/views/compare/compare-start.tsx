import { useApolloClient, useQuery } from '@apollo/client/react';
import { useCallback } from 'react';
import { forgetLists } from '../../client.js';
import { SearchStartDocument } from '../../generated/graphql.js';
import { EmptyGallery } from '../../parts/empty-gallery.js';
import { ErrorNote } from '../../parts/error-note.js';
import { ImageTile } from '../../parts/image-tile.js';
import { compareAddress } from './address.js';
import type { Method } from './method.js';

const newestShown = 12;

interface CompareStartProps {
  /** Where the address belongs to a picture that the tab no longer has. */
  readonly forgotten: boolean;
  readonly methods: readonly Method[];
}

/** Before there is a query. */
export function CompareStart({ forgotten, methods }: CompareStartProps) {
  const client = useApolloClient();
  const { data, error, refetch } = useQuery(SearchStartDocument, {
    variables: { first: newestShown },
    fetchPolicy: 'cache-and-network',
  });
  const showPictures = useCallback(() => {
    forgetLists(client);
    refetch().catch(() => undefined);
  }, [client, refetch]);
  return (
    <>
      {forgotten ? (
        <p className="note">The picture came from your device and was not kept. Choose it again to compare.</p>
      ) : null}
      {error === undefined ? null : <ErrorNote error={error} onRetry={() => void refetch().catch(() => undefined)} />}
      {data?.images.totalCount === 0 ? <EmptyGallery onLoaded={showPictures} /> : null}
      {data === undefined || data.images.totalCount === 0 ? null : (
        <section aria-labelledby="newest">
          <h2 id="newest">Drop or choose a picture, or take one of the gallery</h2>
          <ul className="grid">
            {data.images.edges.slice(0, newestShown).map(({ node }) => (
              <li key={node.id}>
                <ImageTile
                  image={node}
                  href={compareAddress(node.id, methods)}
                  label={`Compare methods for ${node.filename}`}
                />
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}
