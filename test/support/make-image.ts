import sharp, { type Sharp } from 'sharp';

export interface ImageOptions {
  /** Pixels; 96 × 72 unless given. */
  readonly width?: number;
  readonly height?: number;
}

/** A picture of coloured shapes on a gradient. Equal seeds give equal bytes, other seeds a visibly other picture. */
export function makeJpeg(seed: number, options: ImageOptions = {}): Promise<Buffer> {
  return draw(seed, options).jpeg({ quality: 90 }).toBuffer();
}

export function makePng(seed: number, options: ImageOptions = {}): Promise<Buffer> {
  return draw(seed, options).png({ compressionLevel: 6 }).toBuffer();
}

export function makeWebp(seed: number, options: ImageOptions = {}): Promise<Buffer> {
  return draw(seed, options).webp({ quality: 90 }).toBuffer();
}

/** Numbers from 0 up to 1 (mulberry32), the same for the same seed on every machine. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Row-major RGB, `width * height * 3` bytes. Drawn by hand, for SVG depends on the machine's fonts and renderer. */
export function drawPixels(seed: number, width: number, height: number): Uint8Array {
  const random = seededRandom(seed);
  const color = (): readonly [number, number, number] => [random() * 255, random() * 255, random() * 255];
  const [from, to] = [color(), color()];
  const discs = Array.from({ length: 5 }, () => ({
    x: random() * width,
    y: random() * height,
    radius: (0.08 + random() * 0.25) * Math.min(width, height),
    color: color(),
  }));
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const disc = discs.findLast((each) => (x - each.x) ** 2 + (y - each.y) ** 2 <= each.radius ** 2);
      const share = (x / width + y / height) / 2;
      for (let channel = 0; channel < 3; channel++) {
        const background = (from[channel] ?? 0) * (1 - share) + (to[channel] ?? 0) * share;
        pixels[(y * width + x) * 3 + channel] = disc?.color[channel] ?? background;
      }
    }
  }
  return pixels;
}

function draw(seed: number, { width = 96, height = 72 }: ImageOptions): Sharp {
  return sharp(drawPixels(seed, width, height), { raw: { width, height, channels: 3 } });
}
