import type { OutputInfo } from 'sharp';
import { Semaphore } from '../../base/concurrency/semaphore.js';
import { sharp } from '../sharp.js';
import { picturesPerFamily, sampleFamilies } from './families.js';
import { seededRandom, type Random } from './random.js';
import { sampleHeight, sampleWidth, type Family } from './svg.js';

export interface SamplePicture {
  /** The family's name. */
  readonly label: string;
  readonly filename: string;
  /** JPEG. */
  readonly bytes: Buffer;
}

/** The loaders are allow-listed for the whole process, so one drawing at a time switches its own on and off. */
const svgTurn = new Semaphore(1);
const svgLoader = { operation: ['VipsForeignLoadSvgBuffer'] };

export const sampleSize = sampleFamilies.length * picturesPerFamily;

/** The whole gallery, drawn as it is asked for, families interleaved. The same pictures at every call. */
export async function* drawSample(): AsyncGenerator<SamplePicture> {
  for (let number = 1; number <= picturesPerFamily; number++) {
    for (const family of sampleFamilies) yield drawPicture(family, number);
  }
}

/** A picture of a family that the gallery does not hold: what a search with it finds must be its family. */
export function drawSampleQuery(label = 'butterfly'): Promise<SamplePicture> {
  const family = sampleFamilies.find(({ name }) => name === label);
  if (family === undefined) throw new RangeError(`There is no family ${label}`);
  return drawPicture(family, picturesPerFamily + 1);
}

async function drawPicture(family: Family, number: number): Promise<SamplePicture> {
  const random = seededRandom(seedOf(family.name) + number);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${sampleWidth}" height="${sampleHeight}">${family.draw(random)}</svg>`;
  const { data, info } = await rasterise(svg);
  addGrain(data, random);
  const { width, height, channels } = info;
  const bytes = await sharp(data, { raw: { width, height, channels } }).jpeg({ quality: 88 }).toBuffer();
  return { label: family.name, filename: `${family.name}-${String(number).padStart(2, '0')}.jpg`, bytes };
}

/** For SVG of our own only: what comes from outside never gets here, for `detectMediaType` turns SVG away. */
function rasterise(svg: string): Promise<{ readonly data: Buffer; readonly info: OutputInfo }> {
  return svgTurn.run(async () => {
    sharp.unblock(svgLoader);
    try {
      return await sharp(Buffer.from(svg)).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    } finally {
      sharp.block(svgLoader);
    }
  });
}

/** A photo's noise, so that no two pictures hold the same flat areas. */
function addGrain(pixels: Buffer, random: Random): void {
  const strength = random.between(4, 14);
  for (let at = 0; at < pixels.length; at += 3) {
    const grain = (random.next() - 0.5) * strength;
    for (let channel = at; channel < at + 3; channel++) {
      pixels[channel] = Math.max(0, Math.min(255, (pixels[channel] ?? 0) + grain));
    }
  }
}

/** FNV-1a, 32 bits. */
function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
