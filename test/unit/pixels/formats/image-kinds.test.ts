import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodePixels } from '../../../../src/pixels/decode/decode-pixels.js';
import { ImageDecoder } from '../../../../src/pixels/decode/decode.js';
import type { DecodedImage } from '../../../../src/pixels/decode/decoded-image.js';
import { detectMediaType, refusedNames } from '../../../../src/pixels/decode/detect.js';
import { imageKinds, type RefusedKind } from '../../../../src/pixels/formats/image-kinds.js';
import { maxImagePixels } from '../../../../src/base/limits.js';
import { packageRoot } from '../../../../src/base/paths.js';
import { fixtureBytes } from '../../../fixtures/images.js';
import { drawPixels, makeJpeg, makePng } from '../../../support/make-image.js';
import { makeTiff, type TiffParts } from '../../../support/make-tiff.js';

const [width, height] = [24, 16];
const rgb = drawPixels(7, width, height);
const grey = Uint8Array.from({ length: width * height }, (_, pixel) => rgb[pixel * 3 + 1] ?? 0);
const greyAsRgb = spread(grey);
const black = { blackIsZero: 1, whiteIsZero: 0 };
const tag = {
  newSubfileType: 254,
  compression: 259,
  planar: 284,
  tileWidth: 322,
  inkSet: 332,
  extra: 338,
  format: 339,
  profile: 34_675,
};

const decode = (bytes: Buffer, maxPixels = maxImagePixels): Promise<DecodedImage> =>
  decodePixels({ bytes, mediaType: detectMediaType(bytes), maxPixels });

function spread(values: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: values.length * 3 }, (_, index) => values[Math.floor(index / 3)] ?? 0);
}

/** Bands beside each other, pixel by pixel. */
function withBands(colours: Uint8Array, bands: number, ...extras: readonly number[]): Uint8Array {
  const all = bands + extras.length;
  return Uint8Array.from({ length: (colours.length / bands) * all }, (_, index) => {
    const band = index % all;
    return band < bands ? (colours[Math.floor(index / all) * bands + band] ?? 0) : (extras[band - bands] ?? 0);
  });
}

const wide = (values: Uint8Array): Uint8Array =>
  new Uint8Array(Uint16Array.from(values, (value) => value * 257).buffer);
const floats = (values: Uint8Array, scale = 255): Uint8Array =>
  new Uint8Array(Float32Array.from(values, (value) => value / scale).buffer);

function parts(
  data: Uint8Array,
  bits: readonly number[],
  photometric: number | undefined,
  tags: TiffParts['tags'] = {},
): TiffParts {
  return { width, height, bits, photometric, data, tags };
}
const tiff = (...args: Parameters<typeof parts>): Buffer => makeTiff(parts(...args));
const times = (count: number, bits: number): readonly number[] => Array.from({ length: count }, () => bits);

/** Bare inks of which Pillow's rule makes the picture again: no black. */
const inks = withBands(
  Uint8Array.from(rgb, (value) => 255 - value),
  3,
  0,
);
const plainRgb = parts(rgb, times(3, 8), 2);
const thumbnail: TiffParts = {
  width: 6,
  height: 4,
  bits: [8, 8, 8],
  photometric: 2,
  data: new Uint8Array(72),
  tags: { [tag.newSubfileType]: [1] },
};
const mask: TiffParts = { ...thumbnail, tags: { [tag.newSubfileType]: [4] } };

function box(type: string, ...content: readonly (Buffer | readonly number[])[]): Buffer {
  const body = Buffer.concat(content.map((piece) => Buffer.from(piece)));
  const header = Buffer.from(`\0\0\0\0${type}`, 'latin1');
  header.writeUInt32BE(8 + body.length);
  return Buffer.concat([header, body]);
}

/** Boxes of an AVIF without data. Of colours and of alpha, the properties: 1 turns by 270°, 2 by 90°, 3 says that it is alpha. */
function turnedAvif(colours: readonly number[], alpha: readonly number[]): Buffer {
  const full = [0, 0, 0, 0];
  const properties = box(
    'ipco',
    box('irot', [3]),
    box('irot', [1]),
    box('auxC', full, Buffer.from('urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0')),
  );
  const associations = box(
    'ipma',
    full,
    [0, 0, 0, 2],
    [0, 1, colours.length, ...colours],
    [0, 2, alpha.length, ...alpha],
  );
  return Buffer.concat([
    box('ftyp', Buffer.from('avif\0\0\0\0avifmif1')),
    box(
      'meta',
      full,
      box('pitm', full, [0, 1]),
      box('iref', full, box('auxl', [0, 2, 0, 1, 0, 1])),
      box('iprp', properties, associations),
    ),
  ]);
}

describe('a TIFF shows its picture', () => {
  it.each([
    [
      'with one band beside the colours that is not alpha',
      tiff(withBands(rgb, 3, 0), times(4, 8), 2, { [tag.extra]: [0] }),
      rgb,
    ],
    ['with two such bands', tiff(withBands(rgb, 3, 0, 0), times(5, 8), 2, { [tag.extra]: [0, 0] }), rgb],
    ['with alpha and a further band', tiff(withBands(rgb, 3, 255, 0), times(5, 8), 2, { [tag.extra]: [2, 0] }), rgb],
    ['with alpha behind a further band', tiff(withBands(rgb, 3, 0, 255), times(5, 8), 2, { [tag.extra]: [0, 2] }), rgb],
    [
      'with twelve further bands',
      tiff(withBands(rgb, 3, ...times(12, 0)), times(15, 8), 2, { [tag.extra]: times(12, 0) }),
      rgb,
    ],
    [
      'of 16 bits with a band that is not alpha',
      tiff(wide(withBands(rgb, 3, 0)), times(4, 16), 2, { [tag.extra]: [0] }),
      rgb,
    ],
    [
      'of grey with a band that is not alpha',
      tiff(withBands(grey, 1, 0), times(2, 8), black.blackIsZero, { [tag.extra]: [0] }),
      greyAsRgb,
    ],
    ['of grey floats from 0 to 1', tiff(floats(grey), [32], black.blackIsZero, { [tag.format]: [3] }), greyAsRgb],
    [
      'of grey floats from 0 to 1, 0 as white',
      tiff(floats(Uint8Array.from(grey, (value) => 255 - value)), [32], black.whiteIsZero, { [tag.format]: [3] }),
      greyAsRgb,
    ],
    [
      'of whole grey floats from 0 to 255',
      tiff(floats(grey, 1), [32], black.blackIsZero, { [tag.format]: [3] }),
      greyAsRgb,
    ],
    ['of colours in floats', tiff(floats(rgb), times(3, 32), 2, { [tag.format]: [3, 3, 3] }), rgb],
    [
      'of colours in floats with a band that is not alpha',
      tiff(floats(withBands(rgb, 3, 0)), times(4, 32), 2, { [tag.format]: [3, 3, 3, 3], [tag.extra]: [0] }),
      rgb,
    ],
    ['of inks', tiff(inks, times(4, 8), 5), rgb],
    ['of inks of 16 bits', tiff(wide(inks), times(4, 16), 5), rgb],
    ['of inks with alpha', tiff(withBands(inks, 4, 255), times(5, 8), 5, { [tag.extra]: [2] }), rgb],
    ['of inks of 16 bits with alpha', tiff(wide(withBands(inks, 4, 255)), times(5, 16), 5, { [tag.extra]: [2] }), rgb],
    ['of inks with a band that is not alpha', tiff(withBands(inks, 4, 0), times(5, 8), 5, { [tag.extra]: [0] }), rgb],
    ['behind a thumbnail', makeTiff(thumbnail, plainRgb), rgb],
    ['behind a mask', makeTiff(mask, plainRgb), rgb],
    ['below a thumbnail', makeTiff({ ...thumbnail, children: [thumbnail, plainRgb] }), rgb],
    ['before other pages', makeTiff(plainRgb, { ...thumbnail, tags: {} }), rgb],
  ])('%s', async (_, bytes, expected) => {
    const image = await decode(bytes);
    expect(image).toMatchObject({ width, height, mediaType: 'image/tiff' });
    const worst = image.pixels.reduce(
      (most, value, index) => Math.max(most, Math.abs(value - (expected[index] ?? NaN))),
      0,
    );
    expect(worst).toBeLessThanOrEqual(1);
  });

  it('though it is declared a thumbnail, where there is no other', async () => {
    await expect(decode(makeTiff(thumbnail))).resolves.toMatchObject({ width: 6, height: 4 });
  });

  it('laid over white where alpha beside a further band is 0', async () => {
    const { pixels } = await decode(tiff(withBands(rgb, 3, 0, 0), times(5, 8), 2, { [tag.extra]: [2, 0] }));
    expect(new Set(pixels)).toEqual(new Set([255]));
  });

  // What Pillow 13 and LittleCMS 2.19 make of the same numbers.
  const labColours = [
    { lab: [255, 0, 0], expected: [254, 255, 254] },
    { lab: [0, 0, 0], expected: [1, 0, 1] },
    { lab: [128, 0, 0], expected: [119, 119, 119] },
    { lab: [136, 81, 70], expected: [250, 2, 3] },
    { lab: [82, 68, 148], expected: [45, 11, 253] },
    { lab: [100, 20, 226], expected: [105, 82, 142] },
  ] as const;
  const [lightness, chroma] = [(value: number) => value * 257, (value: number) => value * 256];
  it.each([
    ['8 bits', 8, 8, (sample: number) => sample, []],
    ['8 bits with alpha', 8, 8, (sample: number) => sample, [255]],
    ['16 bits', 8, 16, (sample: number, band: number) => (band === 0 ? lightness : chroma)(sample), []],
    [
      '16 bits with alpha',
      8,
      16,
      (sample: number, band: number) => (band === 0 ? lightness : chroma)(sample),
      [65_535],
    ],
    [
      '8 bits as in ICC profiles',
      9,
      8,
      (sample: number, band: number) => (band === 0 ? sample : (sample + 128) % 256),
      [],
    ],
  ] as const)('of L*a*b* of %s', async (_, photometric, bits, encode, alpha) => {
    const samples = labColours.flatMap(({ lab }) => [...lab.map(encode), ...alpha]);
    const bands = 3 + alpha.length;
    const file = makeTiff({
      width: labColours.length,
      height: 1,
      bits: times(bands, bits),
      photometric,
      data: bits === 8 ? Uint8Array.from(samples) : new Uint8Array(Uint16Array.from(samples).buffer),
      tags: alpha.length === 0 ? {} : { [tag.extra]: [2] },
    });
    const { pixels } = await decode(file);
    for (const [index, value] of labColours.flatMap(({ expected }) => [...expected]).entries()) {
      expect(Math.abs((pixels[index] ?? NaN) - value)).toBeLessThanOrEqual(12);
    }
  });

  it('of no more memory than others: floats count their bytes', async () => {
    const file = tiff(floats(rgb), times(3, 32), 2, { [tag.format]: [3, 3, 3] });
    const enough = width * height * 1.5;
    await expect(decode(file, enough)).resolves.toMatchObject({ width });
    await expect(decode(file, enough - 1)).rejects.toMatchObject({ code: 'IMAGE_TOO_LARGE' });
  });
});

describe('an AVIF', () => {
  it('shows its picture whatever its major brand, where it is compatible with avif', async () => {
    const plain = fixtureBytes({ file: 'avif.avif' });
    const { pixels } = await decode(plain);
    for (const brand of ['mif1', 'miaf', 'MA1B', 'avis']) {
      const bytes = Buffer.from(plain);
      bytes.write(brand, 8, 'latin1');
      expect((await decode(bytes)).pixels).toEqual(pixels);
    }
  });

  it('shows the still picture beside a sequence', async () => {
    const bytes = readFileSync(join(packageRoot, 'test/fixtures/image-kinds/sequence.avif'));
    expect(bytes.toString('latin1', 8, 12)).toBe('avis');
    const image = await decode(bytes);
    expect(image).toMatchObject({ width: 320, height: 240, mediaType: 'image/avif' });
    expect(new Set(image.pixels).size).toBeGreaterThan(100);
  });
});

describe('what is not read is refused by name', async () => {
  const jpeg = await makeJpeg(1);
  const frameAt = jpeg.indexOf(Buffer.from([0xff, 0xc0, 0, 17]));
  const withByte = (bytes: Buffer, at: number, value: number): Buffer => {
    const copy = Buffer.from(bytes);
    copy[at] = value;
    return copy;
  };
  const png = await makePng(1);
  const compressed = (scheme: number): Buffer => makeTiff({ ...plainRgb, tags: { [tag.compression]: [scheme] } });
  const sequenceOnly = fixtureBytes({ file: 'avif.avif' });
  sequenceOnly.write('avis', 8, 'latin1');
  sequenceOnly.write('free', sequenceOnly.indexOf('meta'), 'latin1');

  const cases: Readonly<Record<RefusedKind, readonly Buffer[]>> = {
    jpegDeep: [withByte(jpeg, frameAt + 4, 12)],
    jpegHierarchical: [0xc5, 0xc7, 0xcb, 0xce].map((marker) => withByte(jpeg, frameAt + 1, marker)),
    jpegLs: [withByte(jpeg, frameAt + 1, 0xf7)],
    pngApple: [
      Buffer.concat([
        png.subarray(0, 8),
        Buffer.from('\0\0\0\x04CgBI\x50\0\x20\x06\x2c\xb8\x77\x66', 'latin1'),
        png.subarray(8),
      ]),
    ],
    avifSequenceOnly: [sequenceOnly],
    avifUnturnedAlpha: [turnedAvif([1], [2, 3]), turnedAvif([1], [3]), turnedAvif([], [1, 3])],
    tiffZstandard: [compressed(50_000)],
    tiffLzma: [compressed(34_925)],
    tiffLerc: [compressed(34_887)],
    tiffOldJpeg: [compressed(6)],
    tiffJpeg2000: [compressed(34_712)],
    tiffOtherCompression: [34_933, 50_002, 34_661, 1234].map(compressed),
    tiffSigned: [
      tiff(grey, [8], 1, { [tag.format]: [2] }),
      tiff(wide(rgb), times(3, 16), 2, { [tag.format]: [2, 2, 2] }),
    ],
    tiffComplex: [tiff(new Uint8Array(width * height * 8), [64], 1, { [tag.format]: [6] })],
    tiffFloatSize: [
      tiff(new Uint8Array(width * height * 8), [64], 1, { [tag.format]: [3] }),
      tiff(wide(grey), [16], 1, { [tag.format]: [3] }),
    ],
    tiffFloatRange: [
      tiff(floats(grey, 20), [32], 1, { [tag.format]: [3] }),
      tiff(floats(grey, NaN), [32], 1, { [tag.format]: [3] }),
    ],
    tiffFloatProfile: [tiff(floats(grey), [32], 1, { [tag.format]: [3], [tag.profile]: [0, 0] })],
    tiffSampleSize: [
      tiff(wide(grey), [12], 1),
      tiff(new Uint8Array(width * height * 4), [32], 1),
      tiff(new Uint8Array(width * height * 16), times(4, 32), 5, { [tag.format]: times(4, 3) }),
    ],
    tiffUnequalSamples: [tiff(rgb, [8, 8, 16], 2), tiff(rgb, times(3, 8), 2, { [tag.format]: [1, 1, 3] })],
    tiffTiledPlanes: [tiff(rgb, times(3, 8), 2, { [tag.planar]: [2], [tag.tileWidth]: [16], 323: [16] })],
    tiffYcbcr: [tiff(rgb, times(3, 8), 6)],
    tiffInks: [tiff(inks, times(4, 8), 5, { [tag.inkSet]: [2] })],
    tiffPaletteBands: [tiff(withBands(grey, 1, 255), times(2, 8), 3, { [tag.extra]: [2], 320: times(768, 0) })],
    tiffPremultiplied: [
      tiff(withBands(inks, 4, 255), times(5, 8), 5, { [tag.extra]: [1] }),
      tiff(withBands(rgb, 3, 255), times(4, 8), 8, { [tag.extra]: [1] }),
    ],
    tiffManyBands: [tiff(withBands(rgb, 3, ...times(14, 0)), times(17, 8), 2, { [tag.extra]: times(14, 0) })],
    tiffUndeclared: [tiff(grey, [8], undefined)],
    tiffColours: [tiff(rgb, times(3, 8), 10), tiff(grey, [8], 4)],
    raw: [
      tiff(rgb, times(3, 8), 2, { 50_706: [1] }),
      tiff(grey, [8], 32_803),
      makeTiff({ ...thumbnail, children: [parts(wide(grey), [16], 32_803)] }),
      makeTiff({ ...thumbnail, tags: {} }, parts(rgb, times(3, 8), 34_892)),
      compressed(34_713),
      compressed(65_535),
      Buffer.from(`II*\0\x10\0\0\0CR\x02\0${'\0'.repeat(40)}`, 'latin1'),
      Buffer.from(`II*\0\x0c\0\0\0IIII${'\0'.repeat(40)}`, 'latin1'),
    ],
  };

  it('but not an AVIF whose alpha is turned as its colours are', async () => {
    await expect(decode(turnedAvif([2], [2, 3]))).rejects.toMatchObject({ code: 'INVALID_IMAGE' });
  });

  it.each(
    Object.entries(cases).flatMap(([kind, files]) =>
      files.map((bytes, index) => [kind as RefusedKind, index, bytes] as const),
    ),
  )('%s, %d', async (kind, _, bytes) => {
    await expect(decode(bytes)).rejects.toMatchObject({
      code: 'UNSUPPORTED_MEDIA_TYPE',
      message: expect.stringContaining(kind === 'raw' ? 'raw photograph' : imageKinds[kind].feature) as string,
    });
  });

  it('by the process that decodes', async () => {
    const decoder = new ImageDecoder({ maxPixels: maxImagePixels, concurrency: 1 });
    await expect(decoder.decode(compressed(50_000), 'bulk')).rejects.toMatchObject({
      code: 'UNSUPPORTED_MEDIA_TYPE',
      message: 'The file is TIFF with Zstandard compression, which is not supported',
    });
    await decoder.close();
  });
});

it('docs/limits.md shows the table of kinds', () => {
  const page = readFileSync(join(packageRoot, 'docs/limits.md'), 'utf8');
  const section = page.slice(page.indexOf('## Kinds of files'));
  const rows = section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| ---'));
  const listed = [...refusedNames]
    .map((name) => name.replace(/^an? /, ''))
    .toSorted((a, b) => a.localeCompare(b, 'en'));
  expect(rows.slice(1)).toEqual([
    ...Object.values(imageKinds).map(
      ({ container, feature, outcome }) => `| ${container} | ${feature.replaceAll('*', '\\*')} | ${outcome} |`,
    ),
    `| Others | ${listed.join(', ')}; SVG, HTML, XML, text; videos | refused |`,
  ]);
});
