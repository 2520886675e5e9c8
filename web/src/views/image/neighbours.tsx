import { useQuery } from '@apollo/client/react';
import { Link } from 'wouter';
import { ImageNeighboursDocument } from '../../generated/graphql.js';
import { formatSimilarity } from '../../lib/format.js';
import { paths } from '../../lib/paths.js';
import { ErrorNote } from '../../parts/error-note.js';
import { ImageTile } from '../../parts/image-tile.js';
import { Similarity } from '../../parts/similarity.js';
import { Waiting } from '../../parts/waiting.js';
import { compareAddress } from '../compare/address.js';

const neighboursShown = 10;

export function Neighbours({ imageId }: { readonly imageId: string }) {
  const { data, error, loading, refetch } = useQuery(ImageNeighboursDocument, {
    variables: { imageId, k: neighboursShown },
  });
  return (
    <section className="image__neighbours" aria-labelledby="neighbours">
      <h2 id="neighbours">Looks like it</h2>
      {error === undefined ? null : <ErrorNote error={error} onRetry={() => void refetch().catch(() => undefined)} />}
      {loading ? <Waiting label="Searching" /> : null}
      {data?.similarImages.length === 0 ? <p className="muted">The gallery holds no other picture yet.</p> : null}
      {data === undefined ? null : (
        <ol className="grid">
          {data.similarImages.map(({ image, similarity }) => (
            <li key={image.id}>
              <ImageTile
                image={image}
                href={paths.image(image.id)}
                label={`Open ${image.filename}, similarity ${formatSimilarity(similarity)}`}
              >
                <Similarity value={similarity} />
              </ImageTile>
            </li>
          ))}
        </ol>
      )}
      {data === undefined || data.similarImages.length < neighboursShown ? null : (
        <p>
          <Link href={paths.search(imageId)}>Show more that look like it</Link>, or{' '}
          <Link href={compareAddress(imageId)}>compare methods</Link>
        </p>
      )}
    </section>
  );
}
