import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { useHistoryState } from 'wouter/use-browser-location';
import type { RegionInput } from '../../generated/graphql.js';
import { formatBytes, formatCount, formatDimensions, formatMs } from '../../lib/format.js';
import { paths } from '../../lib/paths.js';
import { totalMs, useSearchTimes } from '../../lib/search-times.js';
import { compareAddress } from '../compare/address.js';
import { AddToGallery } from './add-to-gallery.js';
import { ChoosePicture } from './choose-picture.js';
import { regionKey } from './region.js';
import { RegionPicker } from './region-picker.js';
import type { QuerySource, Search, KnownQueryImage } from './use-search.js';

interface QueryPanelProps {
  readonly source: QuerySource;
  readonly image: KnownQueryImage | null | undefined;
  readonly region: RegionInput | undefined;
  readonly search: Search;
}

/** The picture that is searched with, what is known of it, and the other searches that begin with it. */
export function QueryPanel({ source, image, region, search }: QueryPanelProps) {
  const [location, navigate] = useLocation();
  const state = useHistoryState<unknown>();
  const [selecting, setSelecting] = useState(false);
  const times = useSearchTimes(search.searchKey);
  const searchRegion = (next: RegionInput | undefined): void => {
    setSelecting(false);
    navigate(next === undefined ? location : `${location}?region=${regionKey(next)}`, { state });
  };
  const name = source.kind === 'upload' ? source.query.file.name : image?.filename;
  const src = source.kind === 'upload' ? source.query.previewUrl : (image?.renditionUrl ?? image?.thumbnailUrl);
  return (
    <section className={selecting ? 'query query--selecting' : 'query'} aria-label="Query">
      <RegionPicker
        imageId={source.kind === 'stored' ? source.imageId : undefined}
        src={src}
        name={name ?? 'the query'}
        size={source.kind === 'stored' ? (image ?? undefined) : source.query.size}
        region={region}
        selecting={selecting}
        onSelect={searchRegion}
        onCancel={() => {
          setSelecting(false);
        }}
      />
      <div className="query__text">
        <h1 className="query__name">
          <span className="visually-hidden">Pictures like </span>
          {source.kind === 'stored' ? (
            <Link href={paths.image(source.imageId)} title={name}>
              <bdi>{name ?? ' '}</bdi>
            </Link>
          ) : (
            <bdi title={name}>{name}</bdi>
          )}
        </h1>
        <p className="query__facts">
          {source.kind === 'upload'
            ? `From your device, ${formatBytes(source.query.file.size)}`
            : image
              ? `${formatDimensions(image)}, ${formatBytes(image.byteSize)}`
              : ' '}
        </p>
        <p className="query__facts">
          {times === undefined || search.hits === undefined
            ? ' '
            : `${formatCount(search.hits.length, 'picture')} in ${formatMs(totalMs(times))}`}
        </p>
        <p className="query__facts">
          <Link href={compareAddress(source.kind === 'stored' ? source.imageId : undefined, [], region)} state={state}>
            Compare methods
          </Link>
        </p>
        <div className="query__actions">
          {region === undefined ? (
            <button
              type="button"
              className="button"
              aria-pressed={selecting}
              onClick={() => {
                setSelecting(!selecting);
              }}
            >
              Select a part
            </button>
          ) : (
            <button
              type="button"
              className="button"
              onClick={() => {
                searchRegion(undefined);
              }}
            >
              Whole picture
            </button>
          )}
          <ChoosePicture label="Another picture" />
        </div>
        {source.kind === 'upload' ? <AddToGallery file={source.query.file} /> : null}
      </div>
    </section>
  );
}
