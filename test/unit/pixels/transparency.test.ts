import sharp, { type Sharp } from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { ImageDecoder } from '../../../src/pixels/decode/decode.js';
import { cropToRegion } from '../../../src/pixels/region.js';
import { composed, contrastingLevel, layOver } from '../../../src/pixels/transparency.js';
import { maxImagePixels } from '../../../src/base/limits.js';
import { acceptedFixtures, fixtureBytes } from '../../fixtures/images.js';
import { drawPixels } from '../../support/make-image.js';

const decoder = new ImageDecoder({ maxPixels: maxImagePixels, concurrency: 1 });

afterAll(() => decoder.close());

const side = 32;
type Rgba = readonly [number, number, number, number];

/** Clear, but for a disc of each colour side by side. */
function discs(...colours: readonly Rgba[]): Buffer {
  const width = side * colours.length;
  const rgba = Buffer.alloc(width * side * 4);
  colours.forEach((colour, index) => {
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        if (Math.hypot(x - side / 2, y - side / 2) < side / 3) rgba.set(colour, (y * width + index * side + x) * 4);
      }
    }
  });
  return rgba;
}

const png = (rgba: Buffer): Promise<Buffer> =>
  sharp(rgba, { raw: { width: rgba.length / 4 / side, height: side, channels: 4 } })
    .png()
    .toBuffer();

/** As every version before laid pictures over white. */
async function onWhite(bytes: Buffer): Promise<Buffer> {
  const { depth, hasProfile } = await sharp(bytes).metadata();
  let pipeline = sharp(bytes, { autoOrient: true }).flatten({ background: '#ffffff' }).toColourspace('srgb');
  if (depth === 'ushort' && hasProfile) pipeline = pipeline.withIccProfile('srgb', { attach: false });
  return pipeline.raw({ depth: 'uchar' }).toBuffer();
}

describe('the background of a transparent picture', () => {
  const [white, black, grey, red]: readonly Rgba[] = [
    [255, 255, 255, 255],
    [0, 0, 0, 255],
    [128, 128, 128, 255],
    [200, 30, 30, 255],
  ];
  if (white === undefined || black === undefined || grey === undefined || red === undefined) throw new Error('colours');
  it.each([
    ['white, behind what is coloured', [red], 255],
    ['white, behind what is black', [black], 255],
    ['white, behind what is grey', [grey], 255],
    ['black, behind what is white', [white], 0],
    ['black, behind what is white and coloured', [white, red], 0],
    ['grey, behind what is white and black', [white, black], 128],
    ['white, where nothing is visible', [[255, 255, 255, 0] as const], 255],
    ['black, behind what is white and hardly there', [[255, 255, 255, 40] as const], 0],
  ])('is %s', (_, colours, level) => {
    expect(contrastingLevel(discs(...colours))).toBe(level);
  });

  it('is white while it hides a tenth of the picture at most', () => {
    const parts = (whites: number) =>
      Buffer.from(Array.from({ length: 100 }, (_, i) => (i < whites ? white : red)).flat());
    expect(contrastingLevel(parts(10))).toBe(255);
    expect(contrastingLevel(parts(11))).toBe(0);
  });

  it('is mixed by alpha, and rounded to the nearest', () => {
    expect([...layOver(Buffer.from([255, 0, 100, 128, 9, 9, 9, 0, 1, 2, 3, 255]), 0)]).toEqual([
      128, 0, 50, 0, 0, 0, 1, 2, 3,
    ]);
  });
});

describe('a decoded picture', () => {
  it('on transparency has its pixels on white, and on a background that shows them', async () => {
    const rgba = discs([255, 255, 255, 255]);
    const image = await decoder.decode(await png(rgba), 'bulk');
    expect(new Set(image.pixels)).toEqual(new Set([255]));
    const seen = composed(image, 'contrast');
    expect(new Uint8Array(seen.pixels)).toEqual(new Uint8Array(layOver(Buffer.from(rgba), 0)));
    expect(composed(image, 'white').pixels).toBe(image.pixels);
    const region = cropToRegion(image, { x: 0.25, y: 0.25, width: 0.5, height: 0.5 });
    expect(composed(region, 'contrast').pixels).toEqual(
      cropToRegion(seen, { x: 0.25, y: 0.25, width: 0.5, height: 0.5 }).pixels,
    );
  });

  it('that white shows well has pixels on white alone', async () => {
    expect((await decoder.decode(await png(discs([20, 90, 200, 255])), 'bulk')).contrasted).toBeUndefined();
  });

  // What a space of an earlier version holds was computed from these very pixels.
  it.each(acceptedFixtures.filter(({ file }) => /^png|^gif|^webp|^avif|^tiff/.test(file)))(
    'is on white what libvips lays on white: $file',
    async ({ file }) => {
      const bytes = fixtureBytes({ file });
      expect(Buffer.from((await decoder.decode(bytes, 'bulk')).pixels).equals(await onWhite(bytes))).toBe(true);
    },
  );

  it.each([
    ['8 bits and a profile', (image: Sharp) => image.withIccProfile('p3').png()],
    ['16 bits', (image: Sharp) => image.toColourspace('rgb16').png()],
    ['16 bits and a profile', (image: Sharp) => image.toColourspace('rgb16').withIccProfile('p3').png()],
    ['a palette', (image: Sharp) => image.png({ palette: true })],
    ['lossy colours', (image: Sharp) => image.webp()],
  ])('of %s is on white what libvips lays on white', async (_, encode) => {
    const alpha = Buffer.from(Array.from({ length: 64 * 48 }, (__, at) => (at * 7) % 256));
    const image = sharp(drawPixels(5, 64, 48), { raw: { width: 64, height: 48, channels: 3 } }).joinChannel(alpha, {
      raw: { width: 64, height: 48, channels: 1 },
    });
    const bytes = await encode(image).toBuffer();
    expect((await sharp(bytes).metadata()).hasAlpha).toBe(true);
    const pixels = Buffer.from((await decoder.decode(bytes, 'bulk')).pixels);
    expect(pixels.equals(await onWhite(bytes))).toBe(true);
  });

  it.each([8, 16])(
    'with an alpha of %d bits that is opaque everywhere has the pixels that it has without',
    async (bits) => {
      const drawn = sharp(drawPixels(3, 60, 40), { raw: { width: 60, height: 40, channels: 3 } });
      const plain = bits === 16 ? drawn.toColourspace('rgb16').withIccProfile('p3') : drawn;
      const [without, opaque] = await Promise.all(
        [plain.clone(), plain.clone().ensureAlpha()].map(async (each) =>
          decoder.decode(await each.png().toBuffer(), 'bulk'),
        ),
      );
      expect(opaque).toEqual(without);
    },
  );
});
