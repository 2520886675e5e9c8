import { useApolloClient } from '@apollo/client/react';
import { useCallback, useEffect, useMemo, useState } from 'react';
import { useSearch as useQueryString } from 'wouter';
import { forgetLists } from '../../client.js';
import { formatCount, formatNumber } from '../../lib/format.js';
import { useMay } from '../../lib/rights.js';
import { useDebounced } from '../../lib/use-debounced.js';
import { useDelayed } from '../../lib/use-delayed.js';
import { RightsNote } from '../../parts/access/rights-note.js';
import { EmptyGallery } from '../../parts/empty-gallery.js';
import { ErrorNote } from '../../parts/error-note.js';
import { useFileDrop } from '../../parts/file-drop.js';
import { announce, usePageTitle } from '../../parts/page-title.js';
import { ProgressBar, Waiting } from '../../parts/waiting.js';
import { AddPictures } from './add-pictures.js';
import { parseFilter, toImageFilter } from './filter.js';
import { FilterForm } from './filter-form.js';
import { GalleryGrid } from './gallery-grid.js';
import { pickedFromDrop, pickedFromInput } from './picked-files.js';
import { SelectionBar } from './selection-bar.js';
import { UploadList } from './upload-list.js';
import { addUploads } from './uploads.js';
import { useGallery } from './use-gallery.js';
import './gallery.css';

const typingPauseMs = 250;

export default function GalleryView() {
  usePageTitle('Gallery');
  const client = useApolloClient();
  const queryString = useDebounced(useQueryString(), typingPauseMs);
  const filter = useMemo(() => toImageFilter(parseFilter(queryString)), [queryString]);
  const filtered = Object.keys(filter).length > 0;
  const { images, totalCount, hasMore, loading, error, loadMore, reload } = useGallery(filter);
  const slow = useDelayed(loading && images !== undefined);
  /** Undefined where pictures are opened, not selected. */
  const [selected, setSelected] = useState<ReadonlySet<string>>();
  const mayWrite = useMay('write');
  useFileDrop({
    label: mayWrite ? 'Drop pictures or folders to add them to the gallery' : 'Your key does not let you add pictures',
    onFiles: (files) => {
      addUploads(client, pickedFromInput(files));
    },
    onDrop: (data) => {
      void pickedFromDrop(data).then((files) => {
        addUploads(client, files);
      });
    },
  });
  const showSample = useCallback(() => {
    forgetLists(client);
    reload();
  }, [client, reload]);
  const known = images !== undefined;
  useEffect(() => {
    if (known && filtered && !loading) announce(`${formatCount(totalCount, 'picture')} found`);
  }, [known, filtered, loading, totalCount]);
  const isEmpty = known && totalCount === 0 && !filtered && !loading;
  return (
    <div className="gallery">
      <div className="gallery__head">
        <div>
          <h1>Gallery</h1>
          <p className="gallery__count">
            {!known
              ? ' '
              : filtered
                ? `${formatCount(totalCount, 'picture passes', 'pictures pass')} the filter`
                : `${formatCount(totalCount, 'picture')}, the newest first`}
          </p>
        </div>
        <div className="gallery__actions">
          <button
            type="button"
            className="button"
            aria-pressed={selected !== undefined}
            disabled={selected === undefined && (totalCount === 0 || !mayWrite)}
            onClick={() => {
              setSelected(selected === undefined ? new Set() : undefined);
            }}
          >
            Select
          </button>
          <AddPictures label="Add a folder" folder />
          <AddPictures label="Add pictures" primary />
        </div>
      </div>
      {mayWrite ? null : <RightsNote needs="write" what="add or delete pictures" />}
      {isEmpty ? null : <FilterForm />}
      <UploadList filtered={filtered} onAdded={reload} />
      {error === undefined || known ? null : <ErrorNote error={error} onRetry={reload} />}
      {!known && loading ? <Waiting label="Loading the gallery" /> : null}
      {isEmpty ? (
        <EmptyGallery onLoaded={showSample}>
          <AddPictures label="Add pictures of your own" />
        </EmptyGallery>
      ) : null}
      {known && totalCount === 0 && filtered && !loading ? (
        <p className="note">No picture passes this filter. Change or clear it to see others.</p>
      ) : null}
      {images === undefined || images.length === 0 ? null : (
        <GalleryGrid
          images={images}
          totalCount={totalCount}
          hasMore={hasMore}
          onNearEnd={loadMore}
          selected={selected}
          onSelect={setSelected}
        />
      )}
      {known ? (
        <div className="gallery__end">
          {slow ? <ProgressBar label={`Loading more of ${formatNumber(totalCount)}`} /> : null}
          {error === undefined ? null : <ErrorNote error={error} onRetry={reload} />}
        </div>
      ) : null}
      {selected === undefined || images === undefined ? null : (
        <SelectionBar images={images} filter={filter} selected={selected} onSelect={setSelected} />
      )}
    </div>
  );
}
