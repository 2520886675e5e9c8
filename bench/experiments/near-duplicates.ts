/**
 * Which similarity tells a copy of a picture from another picture: transformed copies of every fifth picture of Caltech-101
 * (51 classes of 30) search the 1,530 originals. Also how alike other pictures of the same and of other classes are.
 *
 *   npm run experiment:near-duplicates
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import sharp from 'sharp';
import { bootstrapMean, type Interval } from '../../src/math/bootstrap.js';
import { dot } from '../../src/math/vector.js';
import { dataset, imagesBelow } from '../support/data.js';
import { mapFew, openPictureEmbedder } from '../support/embed-pictures.js';
import { quantile } from '../support/measure.js';
import { bundledModels, experimentFolder, seed } from './experiments.js';

export interface CopyKind {
  readonly kind: string;
  /** How similar the copies are to their originals. */
  readonly similarity: Quantiles;
  /** Share of copies at each threshold or above it. */
  readonly found: readonly Interval[];
  /** Share of copies whose nearest original is theirs. */
  readonly first: Interval;
}

export interface Quantiles {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

export interface NearDuplicates {
  readonly originals: number;
  readonly copiesOfEachKind: number;
  readonly thresholds: readonly number[];
  readonly models: readonly {
    readonly model: string;
    readonly copies: readonly CopyKind[];
    /** Share of the originals that were copied that have some other original at each threshold or above it. */
    readonly alarms: readonly Interval[];
    /** 1st, 50th and 99th percentile over pairs of originals. */
    readonly sameClass: Quantiles;
    readonly otherClass: Quantiles;
    /** 99.9th percentile over pairs of other classes. */
    readonly otherClassMost: number;
  }[];
}

const thresholds = [0.99, 0.98, 0.97, 0.96, 0.95, 0.94, 0.92, 0.9, 0.88, 0.85, 0.8, 0.75, 0.7, 0.6];
const everyNth = 5;

const copyKinds: Readonly<Record<string, (picture: Buffer) => Promise<Buffer>>> = {
  'half the width and height': async (picture) => {
    const { width } = await sharp(picture).metadata();
    return sharp(picture)
      .resize({ width: Math.round(width / 2) })
      .jpeg({ quality: 90 })
      .toBuffer();
  },
  'JPEG of quality 30': (picture) => sharp(picture).jpeg({ quality: 30 }).toBuffer(),
  'middle 80 % of width and height': async (picture) => {
    const { width, height } = await sharp(picture).metadata();
    const [left, top] = [Math.round(width * 0.1), Math.round(height * 0.1)];
    return sharp(picture)
      .extract({ left, top, width: width - 2 * left, height: height - 2 * top })
      .jpeg({ quality: 90 })
      .toBuffer();
  },
  mirrored: (picture) => sharp(picture).flop().jpeg({ quality: 90 }).toBuffer(),
  grey: (picture) => sharp(picture).greyscale().jpeg({ quality: 90 }).toBuffer(),
  'caption below, 15 % of the height': async (picture) => {
    const { width, height } = await sharp(picture).metadata();
    const bar = Math.round(height * 0.15);
    const [wide, high] = [Math.round(width * 0.8), Math.round(bar * 0.6)];
    const text = { text: 'A caption of this picture', font: 'sans', rgba: true, width: wide, height: high };
    const caption = await sharp({ text }).resize({ width: wide, height: high, fit: 'inside' }).png().toBuffer();
    return sharp(picture)
      .extend({ bottom: bar, background: '#fff' })
      .composite([{ input: caption, top: height + Math.round(bar * 0.2), left: Math.round(width * 0.1) }])
      .jpeg({ quality: 90 })
      .toBuffer();
  },
  'screenshot, 40 % of it the picture': async (picture) => {
    const { width, height } = await sharp(picture).metadata();
    const [wide, high] = [Math.round(width * 1.58), Math.round(height * 1.58)];
    const title = Math.round(high * 0.08);
    const plain = (w: number, h: number, background: string) => ({
      create: { width: w, height: h, channels: 3 as const, background },
    });
    return sharp(plain(wide, high, '#f2f2f4'))
      .composite([
        { input: plain(wide, title, '#30343c'), left: 0, top: 0 },
        { input: picture, left: Math.round((wide - width) / 2), top: title + Math.round((high - title - height) / 2) },
      ])
      .png()
      .toBuffer();
  },
};

const folder = await dataset('caltech101');
const files = await imagesBelow(folder);
const originals = await Promise.all(files.map((file) => readFile(file)));
const classes = files.map((file) => basename(dirname(file)));
const copied = files.flatMap((_, index) => (index % everyNth === 0 ? [index] : []));

const models = [];
for (const model of bundledModels) models.push(await measure(model));
const result: NearDuplicates = {
  originals: originals.length,
  copiesOfEachKind: copied.length,
  thresholds,
  models,
};
const out = experimentFolder('near-duplicates');
await mkdir(out, { recursive: true });
await writeFile(join(out, 'result.json'), JSON.stringify(result, undefined, 1));

async function measure(model: string): Promise<NearDuplicates['models'][number]> {
  console.error(model);
  const embedder = await openPictureEmbedder(model);
  const vectors = await mapFew(originals, async (bytes) => (await embedder.embed(bytes))[0]!);
  const copies: CopyKind[] = [];
  for (const [kind, transform] of Object.entries(copyKinds)) {
    console.error(kind);
    const found = await mapFew(copied, async (index) => {
      // The formats that transforms take are the same for all: some originals are greyscale JPEGs.
      const picture = await sharp(originals[index]).toColourspace('srgb').png().toBuffer();
      const [copy] = await embedder.embed(await transform(picture));
      const similarities = vectors.map((vector) => dot(copy!, vector));
      const own = similarities[index]!;
      return { own, isFirst: similarities.every((other, at) => at === index || other < own) };
    });
    const own = found.map((each) => each.own);
    copies.push({
      kind,
      similarity: quantiles(own),
      found: thresholds.map((threshold) => share(own.map((value) => value >= threshold))),
      first: share(found.map(({ isFirst }) => isFirst)),
    });
  }
  await embedder.close();

  const [same, other]: [number[], number[]] = [[], []];
  const nearest = copied.map(() => -1);
  for (let a = 0; a < vectors.length; a++) {
    for (let b = 0; b < a; b++) (classes[a] === classes[b] ? same : other).push(dot(vectors[a]!, vectors[b]!));
  }
  for (const [at, index] of copied.entries()) {
    for (const [b, vector] of vectors.entries()) {
      if (b !== index) nearest[at] = Math.max(nearest[at]!, dot(vectors[index]!, vector));
    }
  }
  return {
    model,
    copies,
    alarms: thresholds.map((threshold) => share(nearest.map((value) => value >= threshold))),
    sameClass: quantiles(same),
    otherClass: quantiles(other),
    otherClassMost: quantile(other, 0.999),
  };
}

function share(holds: readonly boolean[]): Interval {
  return bootstrapMean(holds.map(Number), { seed });
}

/** 1st, 50th and 99th percentile. */
function quantiles(values: readonly number[]): Quantiles {
  return { low: quantile(values, 0.01), median: quantile(values, 0.5), high: quantile(values, 0.99) };
}
