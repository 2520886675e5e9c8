import type { ReactNode } from 'react';
import { useFreshSrc } from '../lib/use-fresh-src.js';

interface PictureProps {
  /** Of a stored image, whose links may have to be asked for again. */
  readonly imageId?: string | undefined;
  readonly src: string;
  /** Empty where the name stands beside it. */
  readonly alt: string;
  readonly width: number;
  readonly height: number;
  /** Also when far below what is seen. */
  readonly eager?: boolean;
  /** Drawn upon the picture, whose box then has the picture's own shape. */
  readonly children?: ReactNode;
}

/** Within this share of its box's square shape a picture fills the box, a little cropped; beyond, it is shown whole. */
const mildRatio = 1.5;

/** A picture in a box whose size does not depend on it, so that nothing moves when it arrives. */
export function Picture({ imageId, src: given, alt, width, height, eager = false, children }: PictureProps) {
  const { src, failed, onError, onLoad } = useFreshSrc(imageId, given);
  const ratio = width / height;
  const fills = ratio <= mildRatio && ratio >= 1 / mildRatio;
  if (failed) {
    return (
      <span className="picture picture--failed" role="img" aria-label={alt === '' ? undefined : alt}>
        <span>The picture could not be loaded</span>
      </span>
    );
  }
  return (
    <span
      className={fills ? 'picture picture--fills' : 'picture'}
      style={children === undefined ? undefined : { aspectRatio: ratio }}
    >
      <img
        src={src}
        alt={alt}
        width={width}
        height={height}
        loading={eager ? 'eager' : 'lazy'}
        decoding="async"
        draggable={false}
        onLoad={onLoad}
        onError={onError}
      />
      {children}
    </span>
  );
}
