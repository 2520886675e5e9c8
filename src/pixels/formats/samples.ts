import { setImmediate } from 'node:timers/promises';
import type { Metadata, OutputInfo, Sharp, SharpOptions } from 'sharp';
import { unsupported } from './image-kinds.js';
import { makeLabConverter } from './lab.js';
import type { Samples, ToRgb } from './to-rgb.js';
import { sharp } from '../sharp.js';

/** How samples lie in a file that libvips hands out as they are, and which of its bands are the picture. */
export interface SampleLayout {
  /** 'srgb': libvips makes red, green and blue of the colours, and leaves the bands behind them. */
  readonly colours: 'srgb' | 'grey' | 'rgb' | 'cmyk' | 'lab' | 'icc-lab';
  readonly type: 'uchar' | 'ushort' | 'float';
  /** Of those that libvips hands out. */
  readonly bands: number;
  readonly alphaBand: number | undefined;
  /** 0 is white. */
  readonly isInverted: boolean;
}

/** A file with more is a measurement, and no picture to look at. */
export const maxBands = 16;
/** The four inks of a JPEG, or of a TIFF that says no more. */
export const plainInks: SampleLayout = {
  colours: 'cmyk',
  type: 'uchar',
  bands: 4,
  alphaBand: undefined,
  isInverted: false,
};

const bytesOf = { uchar: 1, ushort: 2, float: 4 } as const;
/** Bytes of samples per pixel that a decode may take at the limit of pixels, as of 16-bit RGBA. */
const maxBytesPerPixel = 8;

/** Most pixels that a picture of this layout may have, so that it takes no more memory than others. */
export function maxPixelsOf({ bands, type }: SampleLayout, maxPixels: number): number {
  return Math.floor((maxPixels * maxBytesPerPixel) / Math.max(maxBytesPerPixel, bands * bytesOf[type]));
}

export interface SamplePixels {
  readonly width: number;
  readonly height: number;
  /** 3: red, green, blue; 4: and alpha, not multiplied into them. 8 bits each. */
  readonly channels: 3 | 4;
  readonly data: Buffer;
}

/** Pixels between two turns of the event loop: about 10 ms. */
const pixelsPerTurn = 1_000_000;

/** The same numbers as Pillow's for inks and L*a*b*; where a profile explains the inks, libvips has used it ('srgb'). */
export async function decodeSamples(
  bytes: Buffer,
  options: SharpOptions,
  layout: SampleLayout,
  header: Metadata,
): Promise<SamplePixels> {
  const { data, info } = await readSamples(bytes, options, layout, header);
  const { bands, alphaBand, type } = layout;
  if (info.channels !== bands) throw new Error(`Expected ${bands} channels but received ${info.channels}`);
  const count = info.width * info.height;
  const samples = view(data, type);
  const toRgb = await converter(layout, samples, count);
  const channels = alphaBand === undefined ? 3 : 4;
  const toByte = { uchar: 1, ushort: 1 / 257, float: 255 }[type];
  // In place: what becomes of a pixel lies at or before its samples.
  for (let start = 0; start < count; start += pixelsPerTurn) {
    const end = Math.min(count, start + pixelsPerTurn);
    for (let pixel = start; pixel < end; pixel++) {
      const alpha = alphaBand === undefined ? 0 : Math.round((samples[pixel * bands + alphaBand] ?? 0) * toByte);
      toRgb(samples, pixel * bands, data, pixel * channels);
      if (alphaBand !== undefined) data[pixel * channels + 3] = Math.min(255, Math.max(0, alpha));
    }
    await setImmediate();
  }
  return { width: info.width, height: info.height, channels, data: data.subarray(0, count * channels) };
}

/** Red, green and blue of 8 bits from colours that libvips knows. */
export function toSrgb(source: Sharp, { depth, hasProfile }: Pick<Metadata, 'depth' | 'hasProfile'>): Sharp {
  const pipeline = source.toColourspace('srgb');
  // sharp works on 16-bit images with a profile in Display P3 and would hand out those numbers as sRGB.
  return depth === 'ushort' && hasProfile ? pipeline.withIccProfile('srgb', { attach: false }) : pipeline;
}

function readSamples(
  bytes: Buffer,
  options: SharpOptions,
  { colours, type }: SampleLayout,
  header: Metadata,
): Promise<{ readonly data: Buffer; readonly info: OutputInfo }> {
  if (colours === 'srgb') {
    return toSrgb(sharp(bytes, options), header).raw({ depth: type }).toBuffer({ resolveWithObject: true });
  }
  const space =
    colours === 'cmyk' ? 'cmyk' : colours === 'grey' ? 'b-w' : { uchar: 'srgb', ushort: 'rgb16', float: 'scrgb' }[type];
  return sharp(bytes, { ...options, ignoreIcc: true })
    .pipelineColourspace(space)
    .toColourspace(space)
    .raw({ depth: type })
    .toBuffer({ resolveWithObject: true });
}

function view(data: Buffer, type: SampleLayout['type']): Samples {
  if (type === 'uchar') return data;
  if (data.byteOffset % bytesOf[type] !== 0) throw new Error('The samples are not aligned');
  return type === 'ushort'
    ? new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2)
    : new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
}

async function converter(layout: SampleLayout, samples: Samples, count: number): Promise<ToRgb> {
  const { colours, type, isInverted } = layout;
  switch (colours) {
    case 'srgb':
      return copyRgb;
    case 'cmyk':
      return type === 'uchar' ? mixInks(1) : mixInks(1 / 257);
    case 'lab':
    case 'icc-lab':
      return makeLabConverter({ isSigned: colours === 'lab', isWide: type === 'ushort' });
    case 'grey':
    case 'rgb': {
      const colourBands = colours === 'grey' ? 1 : 3;
      return scaleFloats(await findScale(samples, layout, colourBands, count), colourBands, isInverted);
    }
  }
}

const copyRgb: ToRgb = (samples, from, rgb, to) => {
  for (let channel = 0; channel < 3; channel++) rgb[to + channel] = samples[from + channel] ?? 0;
};

/** Each ink lets through what it does not cover, as in Pillow's cmyk2rgb (src/libImaging/Convert.c). */
function mixInks(toByte: number): ToRgb {
  return (samples, from, rgb, to) => {
    const light = 255 - Math.round((samples[from + 3] ?? 0) * toByte);
    for (let channel = 0; channel < 3; channel++) {
      const ink = Math.round((samples[from + channel] ?? 0) * toByte);
      rgb[to + channel] = light - Math.round((ink * light) / 255);
    }
  };
}

function scaleFloats(scale: number, bands: 1 | 3, isInverted: boolean): ToRgb {
  const toByte = (sample: number): number => {
    const byte = Math.min(255, Math.max(0, Math.round(sample * scale)));
    return isInverted ? 255 - byte : byte;
  };
  return (samples, from, rgb, to) => {
    const first = toByte(samples[from] ?? 0);
    const second = bands === 1 ? first : toByte(samples[from + 1] ?? 0);
    const third = bands === 1 ? first : toByte(samples[from + 2] ?? 0);
    rgb[to] = first;
    rgb[to + 1] = second;
    rgb[to + 2] = third;
  };
}

/** Filters of image programs overshoot a little; what is brighter is light measured on another scale. */
const overshoot = 0.1;

/**
 * What makes bytes of the colours: 255 where they lie in 0 to 1; 1 where they are whole numbers in 0 to 255.
 * @throws SemblanceError UNSUPPORTED_MEDIA_TYPE where they are neither: measurements, or light beyond white
 */
async function findScale(
  samples: Samples,
  { bands }: SampleLayout,
  colourBands: number,
  count: number,
): Promise<number> {
  let beyondUnit = 0;
  let beyondBytes = 0;
  for (let start = 0; start < count; start += pixelsPerTurn) {
    const end = Math.min(count, start + pixelsPerTurn);
    for (let pixel = start; pixel < end; pixel++) {
      for (let band = 0; band < colourBands; band++) {
        const value = samples[pixel * bands + band] ?? NaN;
        if (!(value >= -overshoot && value <= 1 + overshoot)) beyondUnit += 1;
        if (!(value >= 0 && value <= 255 && Number.isInteger(value))) beyondBytes += 1;
      }
    }
    if (beyondUnit > 0 && beyondBytes > 0) throw unsupported('tiffFloatRange');
    await setImmediate();
  }
  return beyondUnit === 0 ? 255 : 1;
}
