import type { KernelEnum } from 'sharp';
import type { DecodedImage } from './decode/decoded-image.js';
import { resample, type AxisWindow, type Interpolation, type Raster } from './resample.js';
import { fromDecoded } from './sharp.js';

export interface Size {
  readonly width: number;
  readonly height: number;
}

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

/** libvips' cubic is Catmull-Rom, as Pillow's bicubic. When shrinking, both widen the kernel, which antialiases. */
const shrinkingKernels: Readonly<Record<Exclude<Interpolation, 'nearest'>, keyof KernelEnum>> = {
  bilinear: 'linear',
  bicubic: 'cubic',
  lanczos3: 'lanczos3',
};

/**
 * What the model sees: resized, then cropped at the centre as torchvision does on Pillow images (sizes, offsets and
 * rounding alike; a crop wider than the image is padded with black).
 * @returns row-major RGB, 3 bytes for each pixel of the crop, or of the resized image where there is no crop
 */
export async function resizeForModel(image: DecodedImage, spec: ModelResize): Promise<Uint8Array> {
  const resized = resizedSize(image, spec.resize);
  const crop = spec.centerCrop ?? resized;
  const x = cropWindow(resized.width, crop.width);
  const y = cropWindow(resized.height, crop.height);
  return padCentered(await resizeWindow(image, x, y, spec.interpolation), crop);
}

/** Axes that shrink are libvips' (fast, off this thread), axes that grow our own: 1 × 10,000 never becomes 64 × 640,000. */
async function resizeWindow(
  source: Raster,
  x: AxisWindow,
  y: AxisWindow,
  interpolation: Interpolation,
): Promise<Raster> {
  if (interpolation === 'nearest') return resample(source, x, y, interpolation);
  const width = Math.min(source.width, x.resizedLength);
  const height = Math.min(source.height, y.resizedLength);
  if (width === source.width && height === source.height) return resample(source, x, y, interpolation);

  const shrinksX = width < source.width;
  const shrinksY = height < source.height;
  const shrunkX = shrinksX ? x : unchanged(width);
  const shrunkY = shrinksY ? y : unchanged(height);
  const pixels = await fromDecoded(source)
    .resize({ width, height, fit: 'fill', kernel: shrinkingKernels[interpolation] })
    .extract({ left: shrunkX.start, width: shrunkX.length, top: shrunkY.start, height: shrunkY.length })
    .raw()
    .toBuffer();
  const shrunk = { width: shrunkX.length, height: shrunkY.length, pixels };
  return resample(shrunk, shrinksX ? unchanged(x.length) : x, shrinksY ? unchanged(y.length) : y, interpolation);
}

function unchanged(length: number): AxisWindow {
  return { resizedLength: length, start: 0, length };
}

function cropWindow(resizedLength: number, cropLength: number): AxisWindow {
  return cropLength >= resizedLength
    ? unchanged(resizedLength)
    : { resizedLength, start: cropOffset(resizedLength, cropLength), length: cropLength };
}

/** Black around `raster` up to `size`, the odd pixel right and below, as torchvision's center_crop does. */
function padCentered(raster: Raster, size: Size): Uint8Array {
  if (raster.width === size.width && raster.height === size.height) return raster.pixels;
  const padded = new Uint8Array(size.width * size.height * 3);
  const left = (size.width - raster.width) >> 1;
  const top = (size.height - raster.height) >> 1;
  for (let row = 0; row < raster.height; row++) {
    const line = raster.pixels.subarray(row * raster.width * 3, (row + 1) * raster.width * 3);
    padded.set(line, ((top + row) * size.width + left) * 3);
  }
  return padded;
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
