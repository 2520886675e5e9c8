/**
 * What the decoder makes of every file below a folder, beside what Pillow shows of it (reference.py): each is the same
 * picture, or refused by name, or broken for both. Exits with 1 where one is neither.
 *
 *   python3 -m venv bench/.cache/corpus-venv && bench/.cache/corpus-venv/bin/pip install -r bench/corpus/requirements.txt
 *   bench/.cache/corpus-venv/bin/python bench/corpus/reference.py FOLDER > bench/.cache/reference.jsonl
 *   npm run bench:corpus -- FOLDER bench/.cache/reference.jsonl
 */
import { readFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { SemblanceError } from '../../src/base/errors.js';
import { ImageDecoder } from '../../src/pixels/decode/decode.js';
import type { DecodedImage } from '../../src/pixels/decode/decoded-image.js';
import { maxImagePixels } from '../../src/base/limits.js';

interface Reference {
  readonly path: string;
  readonly error?: string;
  readonly width?: number;
  readonly height?: number;
  /** Of at most 16 × 16 cells: red, green, blue (premultiplied) and alpha, 0 to 255. */
  readonly grid?: readonly number[];
}

/** Of a mean over all cells and of the worst cell, in steps of 255: lossy decoders differ within it, pictures do not. */
const tolerance = { mean: 3, worst: 24 };
const side = 16;
/** Pixels of a cell's side, as in reference.py. */
const leastCell = 4;

const outcomes = {
  same: 'stored, and the picture of the reference',
  different: 'stored, and ANOTHER picture',
  unconfirmed: 'stored, and the reference has no picture',
  refused: 'refused by name',
  large: 'refused for its size',
  empty: 'refused for it is empty',
  broken: 'refused as broken, and the reference has no picture either',
  wronglyBroken: 'refused as broken, and the reference HAS a picture',
} as const;
type Outcome = keyof typeof outcomes;

const [folder, referenceFile] = process.argv.slice(2);
if (folder === undefined || referenceFile === undefined) throw new Error('Give a folder and the file of reference.py');
const references = (await readFile(referenceFile, 'utf8'))
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Reference);

const decoder = new ImageDecoder({ maxPixels: maxImagePixels, concurrency: 1 });
const counts = new Map<string, Record<Outcome, number>>();
const named = new Map<string, number>();
const findings: string[] = [];
for (const reference of references) {
  const [outcome, detail] = await judge(reference);
  const corpus = reference.path.split(sep)[0] ?? '';
  const row =
    counts.get(corpus) ?? (Object.fromEntries(Object.keys(outcomes).map((key) => [key, 0])) as Record<Outcome, number>);
  row[outcome] += 1;
  counts.set(corpus, row);
  if (outcome === 'refused') named.set(detail, (named.get(detail) ?? 0) + 1);
  else if (outcome !== 'same' && outcome !== 'broken') findings.push(`${outcome}: ${reference.path}: ${detail}`);
}

const corpora = [...counts.keys()];
console.log(`| outcome | ${corpora.join(' | ')} | all |\n| --- |${' ---: |'.repeat(corpora.length + 1)}`);
for (const [key, name] of Object.entries(outcomes) as [Outcome, string][]) {
  const cells = corpora.map((corpus) => counts.get(corpus)?.[key] ?? 0);
  console.log(`| ${name} | ${cells.join(' | ')} | ${cells.reduce((sum, each) => sum + each, 0)} |`);
}
console.log('\nRefused by name:');
for (const [message, count] of [...named].sort((a, b) => b[1] - a[1]))
  console.log(`${String(count).padStart(5)}  ${message}`);
console.log(`\nTo be looked at:\n${findings.join('\n')}`);
const wrong = [...counts.values()].reduce((sum, row) => sum + row.different + row.wronglyBroken, 0);
process.exitCode = wrong === 0 ? 0 : 1;

async function judge(reference: Reference): Promise<readonly [Outcome, string]> {
  const said = reference.error ?? `${reference.width} × ${reference.height}`;
  try {
    const image = await decoder.decode(await readFile(join(folder ?? '', reference.path)), 'bulk');
    if (reference.grid === undefined) return ['unconfirmed', said];
    if (image.width !== reference.width || image.height !== reference.height) {
      return ['different', `${image.width} × ${image.height} instead of ${said}`];
    }
    const { mean, worst } = compare(image, reference.grid);
    const differs = mean > tolerance.mean || worst > tolerance.worst;
    return [differs ? 'different' : 'same', `mean ${mean.toFixed(1)}, worst ${worst.toFixed(1)}`];
  } catch (error) {
    if (!(error instanceof SemblanceError)) throw error;
    const detail = `${error.message}; reference: ${said}`;
    if (error.code === 'UNSUPPORTED_MEDIA_TYPE') return ['refused', error.message];
    if (error.code === 'IMAGE_TOO_LARGE') return ['large', detail];
    if (error.code === 'BAD_USER_INPUT') return ['empty', detail];
    if (error.code !== 'INVALID_IMAGE') throw error;
    return [reference.error === undefined ? 'wronglyBroken' : 'broken', detail];
  }
}

/** Where the picture is transparent the background shows: one colour per picture, taken to be the one that fits best. */
function compare(image: DecodedImage, grid: readonly number[]): { readonly mean: number; readonly worst: number } {
  const cells = cellMeans(image);
  const background = [0, 1, 2].map((channel) => {
    let product = 0;
    let square = 0;
    for (const [cell, rgb] of cells.entries()) {
      const clear = 1 - (grid[cell * 4 + 3] ?? 0) / 255;
      product += clear * ((rgb[channel] ?? 0) - (grid[cell * 4 + channel] ?? 0));
      square += clear * clear;
    }
    return square === 0 ? 0 : Math.min(255, Math.max(0, product / square));
  });
  const differences = cells.flatMap((rgb, cell) => {
    const clear = 1 - (grid[cell * 4 + 3] ?? 0) / 255;
    return rgb.map((value, channel) =>
      Math.abs(value - (grid[cell * 4 + channel] ?? 0) - clear * (background[channel] ?? 0)),
    );
  });
  return {
    mean: differences.reduce((sum, each) => sum + each, 0) / differences.length,
    worst: Math.max(...differences),
  };
}

function cellMeans({ width, height, pixels }: DecodedImage): readonly (readonly number[])[] {
  const [rows = 1, columns = 1] = [height, width].map((length) =>
    Math.min(side, Math.max(1, Math.floor(length / leastCell))),
  );
  const edge = (index: number, length: number, count: number): number => Math.floor((index * length) / count);
  return Array.from({ length: rows * columns }, (_, cell) => {
    const row = Math.floor(cell / columns);
    const column = cell % columns;
    const [top, bottom] = [edge(row, height, rows), edge(row + 1, height, rows)];
    const [left, right] = [edge(column, width, columns), edge(column + 1, width, columns)];
    const sums = [0, 0, 0];
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        for (let channel = 0; channel < 3; channel++) {
          sums[channel] = (sums[channel] ?? 0) + (pixels[(y * width + x) * 3 + channel] ?? 0);
        }
      }
    }
    return sums.map((sum) => sum / ((bottom - top) * (right - left)));
  });
}
