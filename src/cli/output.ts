import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ConfigurationError, messageOf } from '../base/errors.js';
import { drawContactSheet } from '../pixels/sheets/contact-sheet.js';
import type { Region } from '../pixels/region.js';
import type { SheetPicture } from '../pixels/sheets/sheet-cell.js';
import { describeFileError, openablePath } from '../images/import/find-images.js';
import { printable } from '../base/printable.js';
import type { Gallery, GalleryAnswer, GalleryImage } from './gallery.js';
import type { Failures, SpaceDoor } from './spaces/space-door.js';

/** Results go to stdout, all else to stderr. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/**
 * Rank, score and similarity, filename and id of every hit; label and path where some have them, the path where it tells more than the
 * filename; and the part that matched where some did by a part.
 */
export function formatAnswer({ hits, rerank }: GalleryAnswer): string {
  if (hits.length === 0) return 'No image was found.';
  const scored = rerank !== undefined;
  const inParts = hits.some(({ region }) => region !== undefined);
  const labelled = hits.some(({ image }) => labelOf(image) !== '');
  const inFolders = hits.some(({ image }) => pathOf(image) !== '');
  const columns = (cells: Readonly<Record<Column, string>>): readonly string[] => [
    cells.rank,
    ...(scored ? [cells.score] : []),
    cells.similarity,
    ...(inParts ? [cells.region] : []),
    cells.filename,
    ...(labelled ? [cells.label] : []),
    ...(inFolders ? [cells.path] : []),
    cells.id,
  ];
  const rows = hits.map(({ image, similarity, score, region }, index) =>
    columns({
      rank: String(index + 1),
      score: formatScore(score),
      similarity: similarity.toFixed(3),
      region: region === undefined ? 'whole' : formatRegion(region),
      filename: printable(image.filename),
      label: labelOf(image),
      path: pathOf(image),
      id: image.id,
    }),
  );
  const names = columnNames.map((name) => [name, name] as const);
  const heading = columns(Object.fromEntries(names) as Record<Column, string>);
  return formatTable([heading, ...rows], scored ? [0, 1, 2] : [0, 1]);
}

const columnNames = ['rank', 'score', 'similarity', 'region', 'filename', 'label', 'path', 'id'] as const;
type Column = (typeof columnNames)[number];

function labelOf({ metadata }: GalleryImage): string {
  return cell(metadata['label']);
}

/** The path that an image was imported under; empty where the filename says as much. */
function pathOf({ metadata, filename }: GalleryImage): string {
  return metadata['path'] === filename ? '' : cell(metadata['path']);
}

const maxCellCharacters = 60;

/** A value of metadata, which may be anything, as text for a table; of a long one the end, where a path has its name. */
function cell(value: unknown): string {
  if (typeof value !== 'string') return '';
  const characters = Array.from(printable(value));
  return characters.length <= maxCellCharacters
    ? characters.join('')
    : `…${characters.slice(1 - maxCellCharacters).join('')}`;
}

/** Four significant digits: a re-ranker's scores may lie anywhere. */
export function formatScore(score: number | undefined): string {
  if (score === undefined) return '–';
  return score >= Number.MAX_VALUE ? '∞' : score.toPrecision(4);
}

/** As `--region` takes it, to a thousandth. */
export function formatRegion({ x, y, width, height }: Region): string {
  return [x, y, width, height].map((share) => String(Math.round(share * 1000) / 1000)).join(',');
}

/** Columns two spaces apart; those whose indices `rightAligned` holds are flush right. */
export function formatTable(rows: readonly (readonly string[])[], rightAligned: readonly number[] = []): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => displayWidth(row[column] ?? ''))));
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const padding = ' '.repeat((widths[column] ?? 0) - displayWidth(cell));
          return rightAligned.includes(column) ? padding + cell : cell + padding;
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Decimal units, as disks are sold and limits are set. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${units[power] ?? ''}`;
}

/** An answer for scripts. JSON has no infinity: a score of the largest number stands for it, as over GraphQL. */
export function formatAnswerJson({ space, mode, rerank, hits }: GalleryAnswer): string {
  const results = hits.map(({ image: { id, filename, metadata }, similarity, score, region }, index) => ({
    rank: index + 1,
    similarity,
    score: score === Infinity ? Number.MAX_VALUE : score,
    region,
    id,
    filename,
    metadata,
  }));
  return JSON.stringify({ space, mode, rerank, results }, undefined, 2);
}

/** Draws the query and what it found, and answers the sheet's absolute path. */
export async function writeSheet(
  file: string,
  gallery: Gallery,
  query: SheetPicture,
  { hits, rerank }: GalleryAnswer,
): Promise<string> {
  const neighbours = [];
  // An image that was deleted since it was found leaves an empty frame.
  for (const { image, similarity, score, region } of hits) {
    neighbours.push({
      bytes: await gallery.readThumbnail(image.id),
      filename: image.filename,
      caption: rerank === undefined ? similarity.toFixed(3) : formatScore(score),
      region,
    });
  }
  return writePng(file, await drawContactSheet({ query, neighbours }));
}

/** Answers the absolute path. */
export async function writePng(file: string, sheet: Buffer): Promise<string> {
  const path = resolve(file);
  try {
    await writeFile(path, sheet);
  } catch (error) {
    throw new ConfigurationError(`The contact sheet cannot be written: ${messageOf(error)}`, { cause: error });
  }
  return path;
}

/** What a long operation passed over, by the name under which it was stored. */
export async function noteFailures(door: SpaceDoor, { failed, failedCount }: Failures): Promise<void> {
  for (const { imageId, reason, code, cause } of failed) {
    const image = await door.findImage(imageId);
    // Without a code the reason is the cause's own words.
    const detail = code === undefined || cause === undefined ? '' : `: ${printable(messageOf(cause))}`;
    note(`${printable(image?.filename ?? 'An image')} (${imageId}): ${reason}${detail}`);
  }
  if (failedCount > failed.length) note(`… and ${failedCount - failed.length} more.`);
}

export async function readImageFile(path: string): Promise<Buffer> {
  try {
    return await readFile(await openablePath(path));
  } catch (error) {
    throw new ConfigurationError(`${path} cannot be read: ${describeFileError(error)}`, { cause: error });
  }
}

/** Columns in a terminal: East Asian wide characters and emoji take two, combining marks none. */
function displayWidth(text: string): number {
  let width = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    width +=
      /\p{Extended_Pictographic}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60]/u.test(
        segment,
      )
        ? 2
        : 1;
  }
  return width;
}
