import { createRequire } from 'node:module';
import { maxImagePixels } from '../../base/limits.js';
import type { Region } from '../region.js';
import { sharp } from '../sharp.js';

/** One picture of a sheet. */
export interface SheetPicture {
  /** Any accepted image; a thumbnail is large enough. Undefined draws an empty frame. */
  readonly bytes: Buffer | undefined;
  readonly filename: string;
  /** The part that was searched for, or that matched: it is framed. */
  readonly region?: Region | undefined;
}

export interface Colour {
  readonly r: number;
  readonly g: number;
  readonly b: number;
}

export interface SheetText {
  readonly text: string;
  readonly colour: Colour;
  readonly weight: 'bold' | 'normal';
}

/** Pixels. */
export interface CellSize {
  readonly width: number;
  /** Of the picture with its frame. */
  readonly pictureHeight: number;
  readonly framePixels: number;
  /** Below the picture, for two lines. */
  readonly captionHeight: number;
}

export interface SheetCell {
  readonly picture: SheetPicture;
  readonly frame: Colour;
  /** One under the other, each centred and shortened to the cell. */
  readonly lines: readonly SheetText[];
}

export const paper: Colour = { r: 255, g: 255, b: 255 };
export const mat: Colour = { r: 241, g: 243, b: 246 };
export const accent: Colour = { r: 37, g: 99, b: 235 };
export const textColour: Colour = { r: 31, g: 41, b: 51 };
export const mutedColour: Colour = { r: 107, g: 119, b: 133 };

const firstLineTop = 8;
const lineHeight = 21;

/** Fonts of our own: slim containers have none, and text would silently be missing. */
const { resolve } = createRequire(import.meta.url);
const fonts: Readonly<Record<SheetText['weight'], { readonly font: string; readonly fontfile: string }>> = {
  bold: {
    font: 'DejaVu Sans Condensed Bold 12',
    fontfile: resolve('dejavu-fonts-ttf/ttf/DejaVuSansCondensed-Bold.ttf'),
  },
  normal: { font: 'DejaVu Sans Condensed 10', fontfile: resolve('dejavu-fonts-ttf/ttf/DejaVuSansCondensed.ttf') },
};

/** A sheet in the making: raw RGB, white at first. */
export class SheetCanvas {
  readonly #pixels: Buffer;

  constructor(readonly size: Size) {
    this.#pixels = Buffer.alloc(size.width * size.height * 3, 255);
  }

  /** Cell by cell into one canvas: a thousand overlays in one pipeline would all be held at once. */
  async drawCell(cell: SheetCell, size: CellSize, at: Position): Promise<void> {
    const { width, pictureHeight, captionHeight } = size;
    this.#copy(await drawCell(cell, size), { width, height: pictureHeight + captionHeight }, at);
  }

  /** One line from `at` to the right, shortened to `width`. */
  async drawText(text: SheetText, width: number, at: Position): Promise<void> {
    const drawn = await drawText(text, width);
    const size = { width: drawn.width, height: drawn.height };
    const pixels = await sharp(drawn.png).flatten({ background: paper }).removeAlpha().raw().toBuffer();
    this.#copy(pixels, size, at);
  }

  toPng(): Promise<Buffer> {
    return sharp(this.#pixels, { raw: { ...this.size, channels: 3 }, limitInputPixels: false })
      .png()
      .toBuffer();
  }

  #copy(pixels: Buffer, { width, height }: Size, { left, top }: Position): void {
    for (let row = 0; row < height; row++) {
      pixels.copy(this.#pixels, ((top + row) * this.size.width + left) * 3, row * width * 3, (row + 1) * width * 3);
    }
  }
}

/** Raw RGB of one picture and its lines. */
async function drawCell({ picture, frame, lines }: SheetCell, size: CellSize): Promise<Buffer> {
  const { width, pictureHeight, framePixels, captionHeight } = size;
  const inner = { width: width - 2 * framePixels, height: pictureHeight - 2 * framePixels };
  const [shown, texts] = await Promise.all([
    fitted(picture, inner),
    Promise.all(lines.map((line) => drawText(line, width))),
  ]);
  return sharp({ create: { width, height: pictureHeight + captionHeight, channels: 3, background: paper } })
    .composite([
      { input: { create: { width, height: pictureHeight, channels: 3, background: frame } }, left: 0, top: 0 },
      { input: shown, raw: { ...inner, channels: 3 }, left: framePixels, top: framePixels },
      ...texts.map((text, index) => ({
        input: text.png,
        left: Math.max(0, Math.floor((width - text.width) / 2)),
        top: pictureHeight + firstLineTop + index * lineHeight,
      })),
    ])
    .removeAlpha()
    .raw()
    .toBuffer();
}

interface Size {
  readonly width: number;
  readonly height: number;
}

interface Position {
  readonly left: number;
  readonly top: number;
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

interface DrawnText extends Size {
  readonly png: Buffer;
}

/** One line, shortened in its middle until it fits, so that number and extension stay. */
async function drawText(text: SheetText, width: number): Promise<DrawnText> {
  const characters = Array.from(new Intl.Segmenter().segment(text.text), ({ segment }) => segment);
  for (let kept = characters.length; ;) {
    const head = Math.ceil(kept / 2);
    const line =
      kept === characters.length
        ? text.text
        : `${characters.slice(0, head).join('')}…${characters.slice(characters.length - (kept - head)).join('')}`;
    const drawn = await drawLine({ ...text, text: line });
    if (drawn.width <= width || kept <= 1) return drawn;
    kept = Math.min(kept - 1, Math.floor((kept * width) / drawn.width));
  }
}

async function drawLine({ text: line, colour: { r, g, b }, weight }: SheetText): Promise<DrawnText> {
  const hex = [r, g, b].map((channel) => channel.toString(16).padStart(2, '0')).join('');
  const markup = `<span foreground="#${hex}">${escapeMarkup(line)}</span>`;
  const text = { text: markup, ...fonts[weight], rgba: true, dpi: 96 };
  const { data, info } = await sharp({ text }).png().toBuffer({ resolveWithObject: true });
  return { png: data, width: info.width, height: info.height };
}

/** For Pango markup, which takes neither control characters nor bare markup; an empty text has no size to draw. */
function escapeMarkup(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cs}]/gu, ' ').trim();
  if (clean === '') return '–';
  return clean.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
