import { useEffect, useRef, useState } from 'react';
import type { HitFragment } from '../../generated/graphql.js';
import { formatNumber, formatSimilarity } from '../../lib/format.js';
import { paths } from '../../lib/paths.js';
import { ImageTile } from '../../parts/image-tile.js';
import { Similarity } from '../../parts/similarity.js';

const revealedAtOnce = 10;
/** How many of a search were revealed, so that going back finds the page as it was left. */
const revealedBySearch = new Map<string, number>();

interface HitGridProps {
  readonly searchKey: string;
  readonly hits: readonly HitFragment[];
  /** Of the search before, while the present one runs. */
  readonly stale: boolean;
}

/** All hits are here already; ten are shown, and ten more each time their end comes into view by scrolling. */
export function HitGrid({ searchKey, hits, stale }: HitGridProps) {
  const [revealed, setRevealed] = useState(() => revealedBySearch.get(searchKey) ?? revealedAtOnce);
  const end = useRef<HTMLDivElement>(null);
  const more = revealed < hits.length;
  useEffect(() => {
    revealedBySearch.set(searchKey, revealed);
  }, [searchKey, revealed]);
  useEffect(() => {
    const element = end.current;
    if (element === null || !more) return undefined;
    // Ten stay ten until somebody scrolls, however tall the window is.
    const revealAtEnd = (): void => {
      if (element.getBoundingClientRect().top < window.innerHeight + 300) {
        setRevealed((count) => count + revealedAtOnce);
      }
    };
    for (const type of scrollEvents) window.addEventListener(type, revealAtEnd, { passive: true });
    return () => {
      for (const type of scrollEvents) window.removeEventListener(type, revealAtEnd);
    };
  }, [more, revealed]);
  return (
    <>
      <ol className={stale ? 'grid grid--stale' : 'grid'}>
        {hits.slice(0, revealed).map(({ image, similarity }) => (
          <li key={image.id}>
            <ImageTile
              image={image}
              href={paths.search(image.id)}
              label={`Pictures like ${image.filename}, similarity ${formatSimilarity(similarity)}`}
            >
              <Similarity value={similarity} />
            </ImageTile>
          </li>
        ))}
      </ol>
      <div ref={end} className="grid__end">
        {more ? (
          <button
            type="button"
            className="button"
            onClick={() => {
              setRevealed(revealed + revealedAtOnce);
            }}
          >
            Show more of {formatNumber(hits.length)}
          </button>
        ) : null}
      </div>
    </>
  );
}

/** A window that is not full does not scroll, but its wheel turns. */
const scrollEvents = ['scroll', 'wheel', 'touchmove'] as const;
