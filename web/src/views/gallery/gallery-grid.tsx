import { defaultRangeExtractor, useWindowVirtualizer } from '@tanstack/react-virtual';
import { memo, useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { GalleryImageFragment } from '../../generated/graphql.js';
import { formatBytes, formatDimensions } from '../../lib/format.js';
import { paths } from '../../lib/paths.js';
import { ImageTile } from '../../parts/image-tile.js';
import { Caption } from '../../parts/caption.js';
import { Picture } from '../../parts/picture.js';
import { useKeptScroll } from './use-kept-scroll.js';

/** Rows beyond what is seen, above and below. */
const overscanRows = 3;
/**
 * As `.grid` and `.tile` in parts.css have them, in rem: the least width of a column, gaps, and the text of a tile. All
 * rows have room for a caption, for whether one of a later page has one is not known yet.
 */
const rem = { column: 11.5, columnGap: 1, rowGap: 1, text: 0.5 + 0.875 * 1.35 + 2 * 0.8125 * 1.35 };

interface GalleryGridProps {
  readonly images: readonly GalleryImageFragment[];
  readonly totalCount: number;
  readonly hasMore: boolean;
  readonly onNearEnd: () => void;
  /** Undefined where pictures are opened, not selected. */
  readonly selected: ReadonlySet<string> | undefined;
  readonly onSelect: (selected: ReadonlySet<string>) => void;
}

/** Only the rows around what is seen are in the page, so that many thousands scroll as ten do. */
export function GalleryGrid({ images, totalCount, hasMore, onNearEnd, selected, onSelect }: GalleryGridProps) {
  const list = useRef<HTMLUListElement>(null);
  const layout = useLayout(list);
  const [focusedRow, setFocusedRow] = useState<number>();
  const lastToggled = useRef<number>();
  const { columns, columnWidth, columnGap, rowHeight, top } = layout;
  const rows = Math.ceil(images.length / columns);
  const virtualizer = useWindowVirtualizer({
    count: rows,
    estimateSize: () => rowHeight,
    overscan: overscanRows,
    scrollMargin: top,
    // What has the focus stays in the page, wherever it is scrolled to.
    rangeExtractor: (range) => {
      const indexes = defaultRangeExtractor(range);
      if (focusedRow === undefined || focusedRow >= range.count || indexes.includes(focusedRow)) return indexes;
      return [...indexes, focusedRow].sort((a, b) => a - b);
    },
  });
  useLayoutEffect(() => {
    virtualizer.measure();
  }, [virtualizer, rowHeight]);
  useKeptScroll(columnWidth > 0);
  const shown = virtualizer.getVirtualItems();
  const nearEnd = (virtualizer.range?.endIndex ?? 0) + overscanRows >= rows - 1;
  useEffect(() => {
    if (hasMore && nearEnd) onNearEnd();
  }, [hasMore, nearEnd, onNearEnd, images.length]);

  const toggle = (index: number, all: boolean): void => {
    const from = all ? (lastToggled.current ?? index) : index;
    const next = new Set(selected);
    const id = images[index]?.id ?? '';
    const add = !next.has(id);
    for (const image of images.slice(Math.min(from, index), Math.max(from, index) + 1)) {
      if (add) next.add(image.id);
      else next.delete(image.id);
    }
    lastToggled.current = index;
    onSelect(next);
  };
  return (
    <ul
      ref={list}
      className="gallery__list"
      aria-label="Pictures"
      style={{ height: virtualizer.getTotalSize() }}
      onFocus={({ target }) => {
        const index = target.closest<HTMLElement>('[data-index]')?.dataset['index'];
        if (index !== undefined) setFocusedRow(Math.floor(Number(index) / columns));
      }}
      onBlur={() => {
        setFocusedRow(undefined);
      }}
    >
      {shown.flatMap(({ index: row, start }) =>
        images.slice(row * columns, (row + 1) * columns).map((image, column) => {
          const index = row * columns + column;
          const x = column * (columnWidth + columnGap);
          return (
            <li
              key={image.id}
              className="gallery__item"
              data-index={index}
              aria-setsize={totalCount}
              aria-posinset={index + 1}
              style={{ width: columnWidth, transform: `translate(${x}px, ${start - top}px)` }}
            >
              {selected === undefined ? (
                <OpenTile image={image} />
              ) : (
                <SelectTile
                  image={image}
                  selected={selected.has(image.id)}
                  onToggle={(shift) => {
                    toggle(index, shift);
                  }}
                />
              )}
            </li>
          );
        }),
      )}
    </ul>
  );
}

const OpenTile = memo(function OpenTile({ image }: { readonly image: GalleryImageFragment }) {
  return <ImageTile image={image} href={paths.image(image.id)} label={`Open ${image.filename}`} />;
});

interface SelectTileProps {
  readonly image: GalleryImageFragment;
  readonly selected: boolean;
  /** `shift` asks for all from the last one on. */
  readonly onToggle: (shift: boolean) => void;
}

function SelectTile({ image, selected, onToggle }: SelectTileProps) {
  return (
    <label className={selected ? 'tile tile--select tile--selected' : 'tile tile--select'}>
      <input
        type="checkbox"
        className="tile__check"
        checked={selected}
        aria-label={`Select ${image.filename}`}
        onChange={({ nativeEvent }) => {
          onToggle(nativeEvent instanceof MouseEvent && nativeEvent.shiftKey);
        }}
      />
      <Picture imageId={image.id} src={image.thumbnailUrl} alt="" width={image.width} height={image.height} />
      <span className="tile__name">
        <bdi>{image.filename}</bdi>
      </span>
      <Caption metadata={image.metadata} className="tile__caption" />
      <span className="tile__facts">
        {formatDimensions(image)}, {formatBytes(image.byteSize)}
      </span>
    </label>
  );
}

interface Layout {
  readonly columns: number;
  readonly columnWidth: number;
  readonly columnGap: number;
  /** With the gap below. */
  readonly rowHeight: number;
  /** Of the list in the document. */
  readonly top: number;
}

/** All in CSS pixels. What is above the list may grow, and the window and its letters may change their size. */
function useLayout(list: React.RefObject<HTMLElement>): Layout {
  const [layout, setLayout] = useState<Layout>({ columns: 1, columnWidth: 0, columnGap: 0, rowHeight: 1, top: 0 });
  useLayoutEffect(() => {
    const element = list.current;
    if (element === null) return undefined;
    const measure = (): void => {
      const pixels = parseFloat(getComputedStyle(document.documentElement).fontSize);
      const { width, top } = element.getBoundingClientRect();
      const columnGap = rem.columnGap * pixels;
      const least = Math.min(rem.column * pixels, (width - columnGap) / 2);
      const columns = Math.max(1, Math.floor((width + columnGap) / (least + columnGap)));
      const columnWidth = (width - columnGap * (columns - 1)) / columns;
      const rowHeight = columnWidth + (rem.text + rem.rowGap) * pixels;
      const next = { columns, columnWidth, columnGap, rowHeight, top: Math.round(top + window.scrollY) };
      setLayout((last) =>
        Object.entries(next).every(([key, value]) => last[key as keyof Layout] === value) ? last : next,
      );
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    if (element.parentElement !== null) observer.observe(element.parentElement);
    return () => {
      observer.disconnect();
    };
  }, [list]);
  return layout;
}
