import type { KernelEnum } from 'sharp';
import type { DecodedImage } from './decoded-image.js';
import { fromDecoded } from './sharp.js';

export interface Size {
  readonly width: number;
  readonly height: number;
}

export type Interpolation = 'nearest' | 'bilinear' | 'bicubic' | 'lanczos3';

/** One of: the shorter side, the longer side (each keeps the proportions), or both sides. Pixels. */
export interface ResizeTarget {
  readonly shortestEdge?: number | undefined;
  readonly longestEdge?: number | undefined;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
}

export interface ModelResize {
  readonly resize: ResizeTarget;
  readonly centerCrop?: Size | undefined;
  readonly interpolation: Interpolation;
}

/** libvips' cubic is Catmull-Rom, as Pillow's bicubic (a = -0.5). All but nearest widen when shrinking, so they antialias. */
const kernels: Readonly<Record<Interpolation, keyof KernelEnum>> = {
  nearest: 'nearest',
  bilinear: 'linear',
  bicubic: 'cubic',
  lanczos3: 'lanczos3',
};

/** Source pixels beyond the wanted ones that an enlarging kernel reads, with some to spare. */
const kernelReach = 8;
/** Further source pixels among which a cut is searched that falls on a whole pixel of the result. */
const alignmentReach = 64;

/**
 * What the model sees: resized, then cropped at the centre as torchvision does on Pillow images (sizes, offsets and
 * rounding alike; a crop wider than the image is padded with black).
 * @returns row-major RGB, 3 bytes for each pixel of the crop, or of the resized image where there is no crop
 */
export function resizeForModel(image: DecodedImage, spec: ModelResize): Promise<Uint8Array> {
  const resized = resizedSize(image, spec.resize);
  const crop = spec.centerCrop ?? resized;
  const x = cropAxis(image.width, resized.width, crop.width);
  const y = cropAxis(image.height, resized.height, crop.height);
  return fromDecoded(image)
    .extract({ left: x.source.start, width: x.source.length, top: y.source.start, height: y.source.length })
    .resize({ width: x.resizedLength, height: y.resizedLength, fit: 'fill', kernel: kernels[spec.interpolation] })
    .extract({ left: x.kept.start, width: x.kept.length, top: y.kept.start, height: y.kept.length })
    .extend({ left: x.before, right: x.after, top: y.before, bottom: y.after, background: '#000000' })
    .raw()
    .toBuffer();
}

/** As torchvision.transforms.functional.resize: the side that follows is cut to a whole pixel, and is at least 1. */
export function resizedSize({ width, height }: Size, target: ResizeTarget): Size {
  if (target.width !== undefined && target.height !== undefined) return { width: target.width, height: target.height };
  const edge = target.shortestEdge ?? target.longestEdge;
  if (edge === undefined) throw new RangeError('A resize needs shortestEdge, longestEdge, or width and height');
  const widthLeads = target.shortestEdge !== undefined ? width <= height : width >= height;
  return widthLeads
    ? { width: edge, height: Math.max(1, Math.trunc((edge * height) / width)) }
    : { width: Math.max(1, Math.trunc((edge * width) / height)), height: edge };
}

/** Python's round(), which torchvision uses: halves go to the even neighbour. */
function cropOffset(size: number, crop: number): number {
  const half = (size - crop) / 2;
  const floor = Math.floor(half);
  return half - floor === 0.5 ? floor + (floor % 2) : Math.round(half);
}

interface Span {
  readonly start: number;
  readonly length: number;
}

/** What happens along one axis: `source` is resized to `resizedLength`, `kept` of it stays, black pixels come around. */
interface Axis {
  readonly source: Span;
  readonly resizedLength: number;
  readonly kept: Span;
  readonly before: number;
  readonly after: number;
}

function cropAxis(sourceLength: number, resizedLength: number, cropLength: number): Axis {
  const missing = Math.max(0, cropLength - resizedLength);
  const before = missing >> 1;
  const kept = { start: missing > 0 ? 0 : cropOffset(resizedLength, cropLength), length: cropLength - missing };
  const around = { before, after: missing - before };
  // Shrinking never needs more memory than the image itself, and the whole of it gives the exact phase.
  if (resizedLength <= sourceLength) return { source: { start: 0, length: sourceLength }, resizedLength, kept, ...around };

  // 1 × 10,000 pixels with the short side at 64 would be 64 × 640,000: only what the crop shows is enlarged.
  const scale = resizedLength / sourceLength;
  const first = Math.floor(kept.start / scale) - kernelReach;
  const last = Math.ceil((kept.start + kept.length) / scale) + kernelReach;
  const start = mostAligned(Math.max(0, first - alignmentReach), Math.max(0, first), scale);
  const end = mostAligned(Math.min(sourceLength, last), Math.min(sourceLength, last + alignmentReach), scale);
  const resizedStart = Math.round(start * scale);
  return {
    source: { start, length: end - start },
    resizedLength: Math.round(end * scale) - resizedStart,
    kept: { start: kept.start - resizedStart, length: kept.length },
    ...around,
  };
}

/** The position from `low` to `high` whose image under `scale` is nearest to a whole pixel; the lowest of equals. */
function mostAligned(low: number, high: number, scale: number): number {
  let best = low;
  let leastError = Infinity;
  for (let position = low; position <= high; position++) {
    const error = Math.abs(position * scale - Math.round(position * scale));
    if (error >= leastError - 1e-9) continue;
    best = position;
    leastError = error;
  }
  return best;
}
