import { createRequire } from 'node:module';
import { maxImagePixels } from '../limits.js';
import type { Region } from './region.js';
import { sharp } from './sharp.js';

export interface SheetPicture {
  /** Any accepted image; a thumbnail is large enough. Undefined draws an empty frame. */
  readonly bytes: Buffer | undefined;
  readonly filename: string;
  /** The part that was searched for, or that matched: it is framed. */
  readonly region?: Region | undefined;
}

export interface ContactSheet {
  readonly query: SheetPicture;
  /** Nearest first; `caption` says by how much. */
  readonly neighbours: readonly (SheetPicture & { readonly caption: string })[];
}

/** Layout, in pixels. */
const cellWidth = 208;
const pictureHeight = 168;
const captionHeight = 52;
const gap = 14;
const margin = 20;
const framePixels = 3;
/** The query and its neighbours stand in one row up to here, then wrap. */
const maxColumns = 6;

const paper = { r: 255, g: 255, b: 255 };
const mat = { r: 241, g: 243, b: 246 };
const accent = { r: 37, g: 99, b: 235 };
const textColour = '#1f2933';
const accentColour = '#2563eb';
const mutedColour = '#6b7785';

type Weight = 'bold' | 'normal';

/** Fonts of our own: slim containers have none, and text would silently be missing. */
const { resolve } = createRequire(import.meta.url);
const fonts: Readonly<Record<Weight, { readonly font: string; readonly fontfile: string }>> = {
  bold: {
    font: 'DejaVu Sans Condensed Bold 12',
    fontfile: resolve('dejavu-fonts-ttf/ttf/DejaVuSansCondensed-Bold.ttf'),
  },
  normal: { font: 'DejaVu Sans Condensed 10', fontfile: resolve('dejavu-fonts-ttf/ttf/DejaVuSansCondensed.ttf') },
};

type Colour = typeof paper;

/** A PNG of the query and its neighbours, caption and filename under each. */
export async function drawContactSheet({ query, neighbours }: ContactSheet): Promise<Buffer> {
  const cells = [
    { picture: query, heading: 'Query', colour: accentColour, frame: accent },
    ...neighbours.map((neighbour) => ({
      picture: neighbour,
      heading: neighbour.caption,
      colour: textColour,
      frame: mat,
    })),
  ];
  const columns = Math.min(maxColumns, cells.length);
  const rows = Math.ceil(cells.length / columns);
  const width = 2 * margin + columns * cellWidth + (columns - 1) * gap;
  const height = 2 * margin + rows * (pictureHeight + captionHeight) + (rows - 1) * gap;
  const canvas = Buffer.alloc(width * height * 3, 255);
  // Cell by cell into one canvas: a thousand overlays in one pipeline would all be held at once.
  for (const [index, cell] of cells.entries()) {
    const left = margin + (index % columns) * (cellWidth + gap);
    const top = margin + Math.floor(index / columns) * (pictureHeight + captionHeight + gap);
    const pixels = await drawCell(cell);
    for (let row = 0; row < pictureHeight + captionHeight; row++) {
      pixels.copy(canvas, ((top + row) * width + left) * 3, row * cellWidth * 3, (row + 1) * cellWidth * 3);
    }
  }
  return sharp(canvas, { raw: { width, height, channels: 3 }, limitInputPixels: false })
    .png()
    .toBuffer();
}

/** Raw RGB of one picture and its caption. */
async function drawCell(cell: {
  readonly picture: SheetPicture;
  readonly heading: string;
  readonly colour: string;
  readonly frame: Colour;
}): Promise<Buffer> {
  const { picture, heading, colour, frame } = cell;
  const inner = { width: cellWidth - 2 * framePixels, height: pictureHeight - 2 * framePixels };
  const [shown, headingText, nameText] = await Promise.all([
    fitted(picture, inner),
    drawText(heading, colour, 'bold'),
    drawText(picture.filename, mutedColour, 'normal'),
  ]);
  const centred = (text: DrawnText) => Math.max(0, Math.floor((cellWidth - text.width) / 2));
  return sharp({ create: { width: cellWidth, height: pictureHeight + captionHeight, channels: 3, background: paper } })
    .composite([
      {
        input: { create: { width: cellWidth, height: pictureHeight, channels: 3, background: frame } },
        left: 0,
        top: 0,
      },
      { input: shown, raw: { ...inner, channels: 3 }, left: framePixels, top: framePixels },
      { input: headingText.png, left: centred(headingText), top: pictureHeight + 8 },
      { input: nameText.png, left: centred(nameText), top: pictureHeight + 29 },
    ])
    .removeAlpha()
    .raw()
    .toBuffer();
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Raw RGB of exactly that size, the picture whole and centred in it. */
async function fitted({ bytes, region }: SheetPicture, size: Size): Promise<Buffer> {
  const image =
    bytes === undefined
      ? sharp({ create: { ...size, channels: 3, background: mat } })
      : sharp(bytes, { autoOrient: true, limitInputPixels: maxImagePixels }).resize({
          ...size,
          fit: 'contain',
          background: mat,
        });
  const pixels = await image
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer();
  if (bytes === undefined || region === undefined) return pixels;
  const { autoOrient } = await sharp(bytes, { limitInputPixels: maxImagePixels }).metadata();
  drawBox(pixels, size, boxOf(region, autoOrient, size));
  return pixels;
}

/** Where a region of a picture lies once the picture is whole and centred in `size`: its first and last pixels. */
function boxOf(region: Region, picture: Size, size: Size): Box {
  const scale = Math.min(size.width / picture.width, size.height / picture.height);
  const along = (start: number, share: number, length: number, room: number): readonly [number, number] => {
    const shown = length * scale;
    const offset = (room - shown) / 2;
    const at = (position: number): number =>
      Math.max(0, Math.min(room - 1, Math.round(offset + Math.max(0, Math.min(1, position)) * shown)));
    return [at(start), at(start + share)];
  };
  const [left, right] = along(region.x, region.width, picture.width, size.width);
  const [top, bottom] = along(region.y, region.height, picture.height, size.height);
  return { left, right, top, bottom };
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A frame in the accent colour between white lines, so that it shows on any picture; inside the box. */
function drawBox(pixels: Buffer, size: Size, box: Box): void {
  const colours = [{ r: 255, g: 255, b: 255 }, accent, accent, { r: 255, g: 255, b: 255 }];
  for (const [inset, { r, g, b }] of colours.entries()) {
    const left = box.left + inset;
    const right = box.right - inset;
    const top = box.top + inset;
    const bottom = box.bottom - inset;
    for (let y = top; y <= bottom; y++) {
      const step = y === top || y === bottom ? 1 : Math.max(1, right - left);
      for (let x = left; x <= right; x += step) pixels.set([r, g, b], (y * size.width + x) * 3);
    }
  }
}

interface DrawnText {
  readonly png: Buffer;
  readonly width: number;
}

/** One line, shortened in its middle until it fits a cell, so that number and extension stay. */
async function drawText(text: string, colour: string, weight: Weight): Promise<DrawnText> {
  const characters = Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment);
  for (let kept = characters.length; ;) {
    const head = Math.ceil(kept / 2);
    const line =
      kept === characters.length
        ? text
        : `${characters.slice(0, head).join('')}…${characters.slice(characters.length - (kept - head)).join('')}`;
    const drawn = await drawLine(line, colour, weight);
    if (drawn.width <= cellWidth || kept <= 1) return drawn;
    kept = Math.min(kept - 1, Math.floor((kept * cellWidth) / drawn.width));
  }
}

async function drawLine(line: string, colour: string, weight: Weight): Promise<DrawnText> {
  const markup = `<span foreground="${colour}">${escapeMarkup(line)}</span>`;
  const text = { text: markup, ...fonts[weight], rgba: true, dpi: 96 };
  const { data, info } = await sharp({ text }).png().toBuffer({ resolveWithObject: true });
  return { png: data, width: info.width };
}

/** For Pango markup, which takes neither control characters nor bare markup; an empty text has no size to draw. */
function escapeMarkup(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cs}]/gu, ' ').trim();
  if (clean === '') return '–';
  return clean.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
