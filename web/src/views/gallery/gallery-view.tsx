import { useQuery } from '@apollo/client/react';
import { GalleryPageDocument } from '../../generated/graphql.js';
import { formatCount } from '../../lib/format.js';
import { paths } from '../../lib/paths.js';
import { ErrorNote } from '../../parts/error-note.js';
import { ImageTile } from '../../parts/image-tile.js';
import { usePageTitle } from '../../parts/page-title.js';
import { Waiting } from '../../parts/waiting.js';

const pageSize = 60;

export default function GalleryView() {
  usePageTitle('Gallery');
  const { data, error, loading, refetch } = useQuery(GalleryPageDocument, {
    variables: { first: pageSize },
    fetchPolicy: 'cache-and-network',
  });
  return (
    <>
      <h1>Gallery</h1>
      {error === undefined ? null : <ErrorNote error={error} onRetry={() => void refetch()} />}
      {data === undefined && loading ? <Waiting label="Loading the gallery" /> : null}
      {data === undefined ? null : (
        <>
          <p className="muted">{formatCount(data.images.totalCount, 'picture')}, the newest first</p>
          <ul className="grid">
            {data.images.edges.map(({ node }) => (
              <li key={node.id}>
                <ImageTile image={node} href={paths.image(node.id)} label={`Open ${node.filename}`} />
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}
