import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react';
import type { RegionInput } from '../../generated/graphql.js';
import { useFreshSrc } from '../../lib/use-fresh-src.js';
import { RegionBox } from './region-box.js';
import { boxStyle, describeRegion, minRegionSide, nudgeRegion, regionBetween, type Point } from './region.js';

interface RegionPickerProps {
  /** Of a stored image. */
  readonly imageId: string | undefined;
  /** Undefined while it is not known yet. */
  readonly src: string | undefined;
  readonly name: string;
  /** Pixels, where they are known before the picture has loaded: its place is kept. */
  readonly size: { readonly width: number; readonly height: number } | undefined;
  /** That is searched for now. */
  readonly region: RegionInput | undefined;
  /** Whether a box stands on the picture for keyboard and touch. A mouse draws one at any time. */
  readonly selecting: boolean;
  readonly onSelect: (region: RegionInput) => void;
  readonly onCancel: () => void;
}

const initialBox: RegionInput = { x: 0.25, y: 0.25, width: 0.5, height: 0.5 };
const step = 0.02;
const arrows: Readonly<Partial<Record<string, Point>>> = {
  ArrowLeft: { x: -step, y: 0 },
  ArrowRight: { x: step, y: 0 },
  ArrowUp: { x: 0, y: -step },
  ArrowDown: { x: 0, y: step },
};

/** The query picture, on which a box selects the part to search for. */
export function RegionPicker({
  imageId,
  src: given,
  name,
  size,
  region,
  selecting,
  onSelect,
  onCancel,
}: RegionPickerProps) {
  const [loadedSize, setLoadedSize] = useState<{ readonly width: number; readonly height: number }>();
  const { src, failed, onError, onLoad } = useFreshSrc(imageId, given);
  const [corner, setCorner] = useState<Point>();
  const [drawn, setDrawn] = useState<RegionInput>();
  const frame = useRef<HTMLDivElement>(null);
  const { width, height } = size ?? loadedSize ?? { width: 4, height: 3 };

  const pointOf = (event: PointerEvent): Point => {
    const bounds = frame.current?.getBoundingClientRect();
    if (bounds === undefined || bounds.width === 0 || bounds.height === 0) return { x: 0, y: 0 };
    return { x: (event.clientX - bounds.left) / bounds.width, y: (event.clientY - bounds.top) / bounds.height };
  };
  const begin = (event: PointerEvent): void => {
    // Else a finger that scrolls past the picture would draw.
    if (event.button !== 0 || (event.pointerType !== 'mouse' && !selecting)) return;
    event.preventDefault();
    event.currentTarget.setPointerCapture(event.pointerId);
    setCorner(pointOf(event));
    setDrawn(undefined);
  };
  const draw = (event: PointerEvent): void => {
    if (corner !== undefined) setDrawn(regionBetween(corner, pointOf(event)));
  };
  const end = (): void => {
    setCorner(undefined);
    setDrawn(undefined);
    if (drawn !== undefined && drawn.width >= minRegionSide && drawn.height >= minRegionSide) onSelect(drawn);
  };
  const shown = drawn ?? (selecting ? undefined : region);
  return (
    <div className="region">
      <div
        ref={frame}
        className={selecting ? 'region__frame region__frame--selecting' : 'region__frame'}
        style={{ aspectRatio: `${width} / ${height}`, '--ratio': width / height } as React.CSSProperties}
        onPointerDown={begin}
        onPointerMove={draw}
        onPointerUp={end}
        onPointerCancel={() => {
          setCorner(undefined);
          setDrawn(undefined);
        }}
      >
        {src === undefined ? null : failed ? (
          <p className="region__failed">This browser cannot show the picture. The server may still read it.</p>
        ) : (
          <img
            src={src}
            alt={`The query: ${name}`}
            width={width}
            height={height}
            draggable={false}
            onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) => {
              onLoad();
              if (naturalWidth > 0) setLoadedSize({ width: naturalWidth, height: naturalHeight });
            }}
            onError={onError}
          />
        )}
        {shown === undefined ? null : <RegionBox region={shown} />}
        {selecting && drawn === undefined ? (
          <KeyboardBox initial={region ?? initialBox} onSelect={onSelect} onCancel={onCancel} />
        ) : null}
      </div>
    </div>
  );
}

interface KeyboardBoxProps {
  readonly initial: RegionInput;
  readonly onSelect: (region: RegionInput) => void;
  readonly onCancel: () => void;
}

/** A box that keys move and resize. */
function KeyboardBox({ initial, onSelect, onCancel }: KeyboardBoxProps) {
  const [box, setBox] = useState(initial);
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    element.current?.focus({ preventScroll: true });
  }, []);
  const onKeyDown = (event: KeyboardEvent): void => {
    const arrow = arrows[event.key];
    if (arrow !== undefined) setBox(nudgeRegion(box, arrow, event.shiftKey));
    else if (event.key === 'Enter') onSelect(box);
    else if (event.key === 'Escape') onCancel();
    else return;
    event.preventDefault();
  };
  return (
    <>
      <div
        ref={element}
        className="region__box region__box--movable"
        style={boxStyle(box)}
        tabIndex={0}
        role="application"
        aria-label="Part of the picture. Arrow keys move it, with Shift they resize it, Enter searches for it, Escape gives it up."
        onKeyDown={onKeyDown}
      />
      <p role="status" className="visually-hidden">
        {describeRegion(box)}
      </p>
    </>
  );
}
