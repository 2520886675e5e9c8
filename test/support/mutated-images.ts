import { crc32 as zlibCrc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { heifFixture } from '../fixtures/heif.js';
import { acceptedFixtures, fixtureBytes } from '../fixtures/images.js';
import { codedPicture, gridData, heifFile, type HeifItem } from './heif-file.js';
import { drawPixels, seededRandom } from './make-image.js';

export interface MutatedFile {
  /** Says how to make it again. */
  readonly name: string;
  readonly bytes: Buffer;
}

type Random = () => number;

const below = (random: Random, limit: number): number => Math.floor(random() * limit);

/** Every supported format, as the fixtures have them, and larger ones whose inner structures reach further. */
export async function corpusSources(): Promise<readonly MutatedFile[]> {
  const fixtures = acceptedFixtures
    .filter(({ file }) => !/1x10000|10000x1|photo-size/.test(file))
    .map((fixture) => ({ name: fixture.file, bytes: fixtureBytes(fixture) }));
  const [width, height] = [240, 180];
  const drawn = sharp(drawPixels(7, width, height), { raw: { width, height, channels: 3 } });
  const made = {
    'drawn.jpg': drawn
      .clone()
      .withExif({ IFD0: { Make: 'x'.repeat(300) } })
      .jpeg({ progressive: true }),
    'drawn-icc.jpg': drawn.clone().withIccProfile('p3').jpeg(),
    'drawn.png': drawn.clone().png({ progressive: true }),
    'drawn-palette.png': drawn.clone().png({ palette: true }),
    'drawn.webp': drawn.clone().webp({ quality: 70 }),
    'drawn-lossless.webp': drawn.clone().ensureAlpha(0.5).webp({ lossless: true }),
    'drawn.avif': drawn.clone().avif({ effort: 0 }),
    'drawn.gif': drawn.clone().gif(),
    'drawn-tiles.tif': drawn.clone().tiff({ tile: true, tileWidth: 64, tileHeight: 64, compression: 'deflate' }),
    'drawn-jpeg.tif': drawn.clone().tiff({ compression: 'jpeg' }),
    'drawn-pyramid.tif': drawn.clone().tiff({ pyramid: true, compression: 'lzw' }),
    'drawn-bits.tif': drawn.clone().greyscale().tiff({ bitdepth: 1, compression: 'lzw' }),
  };
  const { data } = codedPicture();
  const tile: HeifItem = { type: 'hvc1', data, width: 96, height: 72 };
  const grid: HeifItem = { type: 'grid', data: gridData(2, 1, 192, 72), width: 192, height: 72, madeOf: [2, 3] };
  return [
    ...fixtures,
    ...['plain.heic', 'alpha.heic', '10-bit.heic', 'display-p3-icc.heic'].map((name) => ({
      name,
      bytes: heifFixture(name),
    })),
    { name: 'grid.heic', bytes: heifFile({ items: [grid, tile, tile], primary: 1 }) },
    ...(await Promise.all(
      Object.entries(made).map(async ([name, image]) => ({ name, bytes: await image.toBuffer() })),
    )),
  ];
}

const mutations: Readonly<Record<string, (random: Random, bytes: Buffer, other: Buffer) => Buffer>> = {
  bits: (random, bytes) => {
    const mutated = Buffer.from(bytes);
    for (let left = 1 + below(random, 32); left > 0; left--) {
      const at = below(random, mutated.length);
      mutated.writeUInt8(mutated.readUInt8(at) ^ (1 << below(random, 8)), at);
    }
    return mutated;
  },
  // Where headers and directories stand, a changed bit reaches further than among pixels.
  headerBits: (random, bytes) => {
    const mutated = Buffer.from(bytes);
    for (let left = 1 + below(random, 4); left > 0; left--) {
      const at = below(random, Math.min(mutated.length, 400));
      mutated.writeUInt8(mutated.readUInt8(at) ^ (1 << below(random, 8)), at);
    }
    return mutated;
  },
  extremes: (random, bytes) => {
    const mutated = Buffer.from(bytes);
    const at = below(random, mutated.length);
    mutated.fill(random() < 0.5 ? 0xff : 0, at, Math.min(mutated.length, at + 1 + below(random, 8)));
    return mutated;
  },
  noise: (random, bytes) => {
    const mutated = Buffer.from(bytes);
    const at = below(random, mutated.length);
    const end = Math.min(mutated.length, at + 1 + below(random, 64));
    for (let each = at; each < end; each++) mutated.writeUInt8(below(random, 256), each);
    return mutated;
  },
  cut: (random, bytes) => bytes.subarray(0, 1 + below(random, bytes.length - 1)),
  hole: (random, bytes) => {
    const [from, to] = [below(random, bytes.length), below(random, bytes.length)].sort((a, b) => a - b);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  repeat: (random, bytes) => {
    const from = below(random, bytes.length);
    const part = bytes.subarray(from, from + 1 + below(random, 2_000));
    const parts = Array.from({ length: 1 + below(random, 20) }, () => part);
    return Buffer.concat([bytes.subarray(0, from), ...parts, bytes.subarray(from)]);
  },
  splice: (random, bytes, other) => {
    const at = below(random, bytes.length);
    return Buffer.concat([bytes.subarray(0, at), other.subarray(below(random, other.length))]);
  },
  insert: (random, bytes, other) => {
    const at = below(random, bytes.length);
    const from = below(random, other.length);
    const part = other.subarray(from, from + 1 + below(random, 500));
    return Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)]);
  },
};

/** The file of this number: the same one on every machine with the same encoders. */
export function mutatedFile(sources: readonly MutatedFile[], seed: number): MutatedFile {
  const random = seededRandom(seed);
  const pick = (): MutatedFile => sources[below(random, sources.length)] ?? { name: 'none', bytes: Buffer.alloc(1) };
  const [source, other] = [pick(), pick()];
  const kinds = Object.entries(mutations);
  const [kind, mutate] = kinds[seed % kinds.length] ?? ['none', (_: Random, bytes: Buffer) => bytes];
  return {
    name: `${seed}: ${kind} of ${source.name} (${other.name})`,
    bytes: mutate(random, source.bytes, other.bytes),
  };
}

function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, crc] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  crc.writeUInt32BE(zlibCrc32(body));
  return Buffer.concat([length, body, crc]);
}

/** With further chunks behind the header. */
function pngWith(png: Buffer, ...chunks: readonly Buffer[]): Buffer {
  const afterHeader = 8 + 25;
  return Buffer.concat([png.subarray(0, afterHeader), ...chunks, png.subarray(afterHeader)]);
}

function pngOfSize(width: number, height: number, bitDepth: number, data: Buffer): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([bitDepth, 2, 0, 0, 1], 8);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    pngChunk('IHDR', header),
    pngChunk('IDAT', data),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/**
 * The first two scans of a progressive JPEG, the second again and again: each costs a walk over the whole picture. Both give all
 * bits of their coefficients at once (successive approximation 0), so that their repetition is no error (T.81, G.1.1.1.2).
 */
function jpegOfScans(jpeg: Buffer, count: number): Buffer {
  const startOfScan = Buffer.from([0xff, 0xda]);
  const first = jpeg.indexOf(startOfScan);
  const second = jpeg.indexOf(startOfScan, first + 2);
  const end = jpeg.indexOf(startOfScan, second + 2);
  const tables = jpeg.subarray(0, first);
  const allBits = (scan: Buffer): Buffer => {
    const copy = Buffer.from(scan);
    copy[1 + copy.readUInt16BE(2)] = 0;
    return copy;
  };
  const again = Array.from({ length: count }, () => allBits(jpeg.subarray(second, end)));
  return Buffer.concat([tables, allBits(jpeg.subarray(first, second)), ...again, Buffer.from([0xff, 0xd9])]);
}

/** The numbers behind the first occurrence of `mark`. */
function overwritten(bytes: Buffer, mark: string | Buffer, offset: number, value: Buffer): Buffer {
  const at = bytes.indexOf(mark, 0, 'latin1');
  if (at < 0) throw new Error(`There is no ${String(mark)} in the fixture`);
  const mutated = Buffer.from(bytes);
  value.copy(mutated, at + offset);
  return mutated;
}

/** HEIC files of one small picture, again and again. */
function heicBombs(): readonly MutatedFile[] {
  const { data } = codedPicture();
  const tile: HeifItem = { type: 'hvc1', data, width: 96, height: 72 };
  const grid = (columns: number, rows: number, madeOf: readonly number[], width = 96 * columns): HeifItem => {
    const height = 72 * rows;
    return { type: 'grid', data: gridData(columns, rows, width, height), width, height, madeOf };
  };
  const auxiliaryOf = { item: 1, urn: 'urn:com:apple:photo:2020:aux:hdrgainmap' };
  const depth = 1_000;
  const file = (items: readonly HeifItem[]): Buffer => heifFile({ items, primary: 1 });
  const range = (count: number, first: number) => Array.from({ length: count }, (_, index) => first + index);
  const tiles = (count: number): readonly HeifItem[] => Array.from({ length: count }, () => tile);
  return [
    { name: 'heic-of-65,535-pixels-a-side', bytes: file([{ ...tile, width: 65_535, height: 65_535 }]) },
    { name: 'heic-of-7,000-pixels-a-side-without-data', bytes: file([{ ...tile, width: 7_000, height: 7_000 }]) },
    { name: 'heic-larger-than-it-says', bytes: file([{ ...tile, width: 2, height: 2 }]) },
    { name: 'heic-grid-of-60,000-tiles', bytes: file([grid(240, 250, range(60_000, 2), 700), ...tiles(60_000)]) },
    { name: 'heic-grid-of-itself', bytes: file([grid(1, 1, [1])]) },
    {
      name: 'heic-grids-in-grids',
      bytes: file([...Array.from({ length: depth }, (_, index) => grid(1, 1, [index + 2])), tile]),
    },
    {
      // The two grids of each level are made of both of the next one.
      name: 'heic-grids-that-double',
      bytes: file([
        grid(2, 1, [2, 3]),
        ...Array.from({ length: 60 }, (_, index) => {
          const next = 2 + 2 * (1 + Math.floor(index / 2));
          return grid(2, 1, [next, next + 1], 96);
        }),
        ...tiles(2),
      ]),
    },
    {
      name: 'heic-of-60,000-auxiliary-images',
      bytes: file([tile, ...Array.from({ length: 60_000 }, () => ({ ...tile, auxiliaryOf }))]),
    },
  ];
}

/** Small files that unfold, or that keep a decoder busy. */
export async function bombs(): Promise<readonly MutatedFile[]> {
  const fixture = (file: string): Buffer => fixtureBytes({ file });
  const flat = (side: number) => sharp({ create: { width: side, height: side, channels: 3, background: '#246' } });
  const megabytes = deflateSync(Buffer.alloc(200_000_000), { level: 9 });
  const png = fixture('png.png');
  const gif = fixture('gif-animated.gif');
  const progressive = await flat(5_000).jpeg({ progressive: true, quality: 50 }).toBuffer();
  const tiff = fixture('tiff.tif');
  const nextDirectory = Buffer.from(tiff);
  const directory = tiff.readUInt32LE(4);
  nextDirectory.writeUInt32LE(directory, directory + 2 + 12 * tiff.readUInt16LE(directory));
  const largest = Buffer.from([0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
  return [
    { name: 'png-interlaced-49-megapixels', bytes: await flat(7_000).png({ progressive: true }).toBuffer() },
    {
      name: 'png-16-bit-interlaced-25-megapixels',
      bytes: await flat(5_000).toColourspace('rgb16').png({ progressive: true }).toBuffer(),
    },
    { name: 'png-of-3600-megapixels', bytes: pngOfSize(60_000, 60_000, 8, megabytes) },
    { name: 'png-of-49-megapixels-without-data', bytes: pngOfSize(7_000, 7_000, 16, deflateSync(Buffer.alloc(10))) },
    {
      name: 'png-with-a-text-of-200-MB',
      bytes: pngWith(png, pngChunk('zTXt', Buffer.concat([Buffer.from('a\0\0'), megabytes]))),
    },
    {
      name: 'png-with-a-profile-of-200-MB',
      bytes: pngWith(png, pngChunk('iCCP', Buffer.concat([Buffer.from('a\0\0'), megabytes]))),
    },
    {
      name: 'png-with-50,000-chunks',
      bytes: pngWith(png, ...Array.from({ length: 50_000 }, () => pngChunk('tEXt', Buffer.from('a\0b')))),
    },
    { name: 'jpeg-progressive-of-50-scans', bytes: jpegOfScans(progressive, 50) },
    { name: 'jpeg-progressive-of-10,000-scans', bytes: jpegOfScans(progressive, 10_000) },
    {
      name: 'jpeg-of-65,500-pixels-a-side',
      bytes: overwritten(fixture('jpeg.jpg'), Buffer.from([0xff, 0xc0]), 5, Buffer.from([0xff, 0xdc, 0xff, 0xdc])),
    },
    {
      name: 'jpeg-of-7,000-pixels-a-side-without-data',
      bytes: overwritten(fixture('jpeg.jpg'), Buffer.from([0xff, 0xc0]), 5, Buffer.from([0x1b, 0x58, 0x1b, 0x58])),
    },
    { name: 'gif-on-a-screen-of-65,535-pixels-a-side', bytes: overwritten(gif, 'GIF89a', 6, Buffer.alloc(4, 0xff)) },
    {
      name: 'gif-of-3,000-frames',
      bytes: Buffer.concat([
        gif.subarray(0, -1),
        ...Array.from({ length: 3_000 }, () => gif.subarray(gif.indexOf(Buffer.from([0x21, 0xf9])), -1)),
        Buffer.from([0x3b]),
      ]),
    },
    { name: 'tiff-whose-directory-follows-itself', bytes: nextDirectory },
    { name: 'avif-of-65,535-pixels-a-side', bytes: overwritten(fixture('avif.avif'), 'ispe', 8, largest) },
    ...heicBombs(),
    {
      name: 'webp-on-a-canvas-of-16,384-pixels-a-side',
      bytes: overwritten(fixture('webp-animated.webp'), 'VP8X', 12, Buffer.from([0xff, 0x3f, 0, 0xff, 0x3f, 0])),
    },
  ];
}
