import type { RegionInput } from '../../generated/graphql.js';

/** Sides of a region are shares of the picture's; below this one a region is a slip of the hand. */
export const minRegionSide = 0.04;

/** As it stands in an address: x, y, width, height in thousandths. */
export function regionKey(region: RegionInput | undefined): string {
  if (region === undefined) return '';
  return [region.x, region.y, region.width, region.height].map((share) => Math.round(share * 1000)).join('-');
}

/** Undefined for what is no region of a picture. */
export function parseRegion(key: string | null): RegionInput | undefined {
  const shares = (key ?? '').split('-').map((part) => (/^\d{1,4}$/.test(part) ? Number(part) / 1000 : NaN));
  const [x = NaN, y = NaN, width = NaN, height = NaN] = shares;
  const valid = shares.length === 4 && width > 0 && height > 0 && x + width <= 1.0001 && y + height <= 1.0001;
  return valid ? { x, y, width: round(Math.min(width, 1 - x)), height: round(Math.min(height, 1 - y)) } : undefined;
}

/** The region between two corners, given in shares; within the picture and in thousandths, as addresses have it. */
export function regionBetween(a: Point, b: Point): RegionInput {
  const left = toShare(Math.min(a.x, b.x));
  const top = toShare(Math.min(a.y, b.y));
  const right = toShare(Math.max(a.x, b.x));
  const bottom = toShare(Math.max(a.y, b.y));
  return { x: left, y: top, width: round(right - left), height: round(bottom - top) };
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** Moved or resized by steps, and kept within the picture. */
export function nudgeRegion(region: RegionInput, step: Point, resize: boolean): RegionInput {
  const clamp = (value: number, low: number, high: number): number => round(Math.min(high, Math.max(low, value)));
  if (resize) {
    return {
      ...region,
      width: clamp(region.width + step.x, minRegionSide, 1 - region.x),
      height: clamp(region.height + step.y, minRegionSide, 1 - region.y),
    };
  }
  return {
    ...region,
    x: clamp(region.x + step.x, 0, 1 - region.width),
    y: clamp(region.y + step.y, 0, 1 - region.height),
  };
}

/** For people and screen readers, in per cent. */
export function describeRegion({ x, y, width, height }: RegionInput): string {
  const percent = (share: number): number => Math.round(share * 100);
  return `${percent(width)} % wide, ${percent(height)} % high, ${percent(x)} % from the left, ${percent(y)} % from the top`;
}

/** Of a box on a picture that fills its frame: CSS lengths. */
export function boxStyle({ x, y, width, height }: RegionInput): Record<'left' | 'top' | 'width' | 'height', string> {
  return { left: `${x * 100}%`, top: `${y * 100}%`, width: `${width * 100}%`, height: `${height * 100}%` };
}

function toShare(value: number): number {
  return round(Math.min(1, Math.max(0, value)));
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
