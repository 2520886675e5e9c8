import { useEffect } from 'react';
import type { RegionInput } from '../../generated/graphql.js';
import { formatCount } from '../../lib/format.js';
import { useDelayed } from '../../lib/use-delayed.js';
import { ErrorNote } from '../../parts/error-note.js';
import { announce, usePageTitle } from '../../parts/page-title.js';
import { ProgressBar, Waiting } from '../../parts/waiting.js';
import { ChoosePicture } from './choose-picture.js';
import { HitGrid } from './hit-grid.js';
import { QueryPanel } from './query-panel.js';
import { useKnownQueryImage, useSearch, type QuerySource } from './use-search.js';

interface SearchResultsProps {
  readonly source: QuerySource;
  readonly region: RegionInput | undefined;
}

/** The query stays in view while its results scroll by. */
export function SearchResults({ source, region }: SearchResultsProps) {
  const { image, error: imageError, retry: retryImage } = useKnownQueryImage(source);
  const search = useSearch(source, region);
  const { hits, running, sent, searchKey } = search;
  const error = search.error ?? imageError;
  const retry = (): void => {
    if (imageError !== undefined) retryImage();
    search.retry();
  };
  const name = source.kind === 'upload' ? source.query.file.name : image?.filename;
  usePageTitle(name === undefined ? 'Search' : `Like ${name}`);
  const slow = useDelayed(running);
  const found = !running && error === undefined ? hits?.length : undefined;
  useEffect(() => {
    if (found !== undefined) announce(`${formatCount(found, 'picture')} found`);
  }, [found, searchKey]);
  if (source.kind === 'stored' && (image === undefined || image === null)) {
    // Query and results come together, for how tall the query is decides where the results begin.
    return (
      <div className="alone">
        <h1>Search</h1>
        {error === undefined ? (
          <Waiting label="Searching" />
        ) : (
          <ErrorNote error={error} onRetry={retry}>
            <ChoosePicture label="Choose a picture" />
          </ErrorNote>
        )}
      </div>
    );
  }
  return (
    <div className="search">
      <QueryPanel
        key={source.kind === 'stored' ? source.imageId : source.query.key}
        source={source}
        image={image}
        region={region}
        search={search}
      />
      <section className="search__results" aria-label="Results" aria-busy={running}>
        {slow ? (
          <ProgressBar
            label={sent !== undefined && sent < 1 ? 'Sending the picture' : 'Searching'}
            done={sent !== undefined && sent < 1 ? sent : undefined}
          />
        ) : null}
        {error === undefined ? null : (
          <ErrorNote error={error} onRetry={retry}>
            <ChoosePicture label="Choose another picture" />
          </ErrorNote>
        )}
        {hits === undefined ? null : hits.length === 0 ? (
          <p className="note">The gallery holds no other picture yet. Add some, then search again.</p>
        ) : (
          <HitGrid key={searchKey} searchKey={searchKey} hits={hits} stale={slow} />
        )}
        {hits === undefined && slow ? <SkeletonGrid /> : null}
      </section>
    </div>
  );
}

function SkeletonGrid() {
  return (
    <div className="grid" aria-hidden="true">
      {Array.from({ length: 10 }, (_, index) => (
        <div key={index} className="tile">
          <span className="picture picture--waiting" />
        </div>
      ))}
    </div>
  );
}
