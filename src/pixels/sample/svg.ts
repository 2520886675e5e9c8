import type { Random } from './random.js';

/** Size of every sample picture, in pixels; families draw in these units. */
export const sampleWidth = 320;
export const sampleHeight = 240;

/** Draws the inside of an `<svg>` of `sampleWidth` by `sampleHeight`. */
export type Drawing = (random: Random) => string;

export interface Family {
  /** Stored as `metadata.label`, and the filename's first part. */
  readonly name: string;
  readonly draw: Drawing;
}

export function hsl(hue: number, saturation: number, lightness: number): string {
  return `hsl(${(((hue % 360) + 360) % 360).toFixed(0)},${saturation.toFixed(0)}%,${lightness.toFixed(0)}%)`;
}

/** Stops from top to bottom, evenly spaced. */
export function verticalGradient(id: string, colours: readonly string[]): string {
  const stops = colours.map(
    (colour, at) => `<stop offset="${fixed(at / (colours.length - 1))}" stop-color="${colour}"/>`,
  );
  return `<linearGradient id="${id}" x1="0" y1="0" x2="0" y2="1">${stops.join('')}</linearGradient>`;
}

export function rect(x: number, y: number, width: number, height: number, attributes: string): string {
  return `<rect x="${fixed(x)}" y="${fixed(y)}" width="${fixed(width)}" height="${fixed(height)}" ${attributes}/>`;
}

export function backdrop(fill: string): string {
  return rect(0, 0, sampleWidth, sampleHeight, `fill="${fill}"`);
}

export function circle(x: number, y: number, radius: number, attributes: string): string {
  return `<circle cx="${fixed(x)}" cy="${fixed(y)}" r="${fixed(radius)}" ${attributes}/>`;
}

export function ellipse(x: number, y: number, radiusX: number, radiusY: number, attributes: string): string {
  return `<ellipse cx="${fixed(x)}" cy="${fixed(y)}" rx="${fixed(radiusX)}" ry="${fixed(radiusY)}" ${attributes}/>`;
}

export function polygon(points: readonly (readonly [number, number])[], attributes: string): string {
  return `<polygon points="${points.map(([x, y]) => `${fixed(x)},${fixed(y)}`).join(' ')}" ${attributes}/>`;
}

/** `data` in the units of the group it stands in. */
export function path(data: string, attributes: string): string {
  return `<path d="${data}" ${attributes}/>`;
}

/** Content drawn around the origin, turned, scaled and moved to its place. */
export function placed(
  content: string,
  place: {
    readonly x: number;
    readonly y: number;
    readonly scale?: number;
    readonly degrees?: number;
    readonly mirrored?: boolean;
  },
): string {
  const scale = place.scale ?? 1;
  const turn = place.degrees === undefined ? '' : ` rotate(${fixed(place.degrees)})`;
  return `<g transform="translate(${fixed(place.x)} ${fixed(place.y)})${turn} scale(${fixed(place.mirrored === true ? -scale : scale)} ${fixed(scale)})">${content}</g>`;
}

export function repeat(count: number, draw: (index: number) => string): string {
  return Array.from({ length: count }, (_, index) => draw(index)).join('');
}

export function fixed(value: number): string {
  return value.toFixed(2);
}
