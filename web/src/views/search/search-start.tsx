import { useApolloClient, useQuery } from '@apollo/client/react';
import { useCallback } from 'react';
import { forgetLists } from '../../client.js';
import { SearchStartDocument } from '../../generated/graphql.js';
import { formatNumber } from '../../lib/format.js';
import { paths } from '../../lib/paths.js';
import { EmptyGallery } from '../../parts/empty-gallery.js';
import { ErrorNote } from '../../parts/error-note.js';
import { ImageTile } from '../../parts/image-tile.js';
import { usePageTitle } from '../../parts/page-title.js';
import { Waiting } from '../../parts/waiting.js';
import { ChoosePicture } from './choose-picture.js';

const newestShown = 12;

/** Before there is a query. `forgotten` where the address belongs to a picture that the tab no longer has. */
export function SearchStart({ forgotten }: { readonly forgotten: boolean }) {
  usePageTitle('');
  const { data, error, loading, refetch } = useQuery(SearchStartDocument, {
    variables: { first: newestShown },
    fetchPolicy: 'cache-and-network',
  });
  const client = useApolloClient();
  const showPictures = useCallback(() => {
    forgetLists(client);
    refetch().catch(() => undefined);
  }, [client, refetch]);
  const isEmpty = data?.images.totalCount === 0;
  return (
    <>
      <section className="start">
        <h1>Find pictures by picture</h1>
        <p className="start__lead">
          Drop a picture anywhere on this page, or paste one. Semblance shows what looks most like it.
        </p>
        {forgotten ? (
          <p className="note">
            The picture that this page searched with came from your device and was not kept. Choose it again to search.
          </p>
        ) : null}
        <div className="start__actions">
          <ChoosePicture label="Choose a picture" primary />
          <ChoosePicture label="Take a photo" camera />
        </div>
      </section>
      {error === undefined ? null : <ErrorNote error={error} onRetry={() => void refetch().catch(() => undefined)} />}
      {data === undefined && loading ? <Waiting label="Looking into the gallery" /> : null}
      {isEmpty ? <EmptyGallery onLoaded={showPictures} /> : null}
      {data === undefined || isEmpty ? null : (
        <section aria-labelledby="newest">
          <h2 id="newest">Or start from one of {formatNumber(data.images.totalCount)} in the gallery</h2>
          <ul className="grid">
            {data.images.edges.slice(0, newestShown).map(({ node }) => (
              <li key={node.id}>
                <ImageTile image={node} href={paths.search(node.id)} label={`Pictures like ${node.filename}`} />
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}
