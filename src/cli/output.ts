import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { ConfigurationError, messageOf } from '../errors.js';
import { drawContactSheet, type SheetPicture } from '../image/contact-sheet.js';
import { describeFileError } from '../operations/find-images.js';
import type { Gallery, GalleryAnswer } from './gallery.js';

/** Results go to stdout, all else to stderr. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Rank, similarity, filename and id of every hit. */
export function formatAnswer({ hits }: GalleryAnswer): string {
  if (hits.length === 0) return 'No image was found.';
  const rows = hits.map(({ image, similarity }, index) => [
    String(index + 1),
    similarity.toFixed(3),
    printable(image.filename),
    image.id,
  ]);
  return formatTable([['rank', 'similarity', 'filename', 'id'], ...rows], 2);
}

/** Columns two spaces apart, the first `rightAligned` of them flush right. */
export function formatTable(rows: readonly (readonly string[])[], rightAligned: number): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => displayWidth(row[column] ?? ''))));
  return rows
    .map((row) =>
      row
        .map((cell, column) => {
          const padding = ' '.repeat((widths[column] ?? 0) - displayWidth(cell));
          return column < rightAligned ? padding + cell : cell + padding;
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Filenames come from strangers: an escape sequence in one must not reach the terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}]/gu, '\u{fffd}');
}

/** Decimal units, as disks are sold and limits are set. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${units[power] ?? ''}`;
}

/** An answer for scripts. */
export function formatAnswerJson({ space, mode, hits }: GalleryAnswer): string {
  const results = hits.map(({ image: { id, filename, metadata }, similarity }, index) => ({
    rank: index + 1,
    similarity,
    id,
    filename,
    metadata,
  }));
  return JSON.stringify({ space, mode, results }, undefined, 2);
}

/** Draws the query and what it found, and answers the sheet's absolute path. */
export async function writeSheet(
  file: string,
  gallery: Gallery,
  query: SheetPicture,
  { hits }: GalleryAnswer,
): Promise<string> {
  const neighbours = [];
  // An image that was deleted since it was found leaves an empty frame.
  for (const { image, similarity } of hits) {
    neighbours.push({ bytes: await gallery.readThumbnail(image.id), filename: image.filename, similarity });
  }
  const path = resolve(file);
  const sheet = await drawContactSheet({ query, neighbours });
  try {
    await writeFile(path, sheet);
  } catch (error) {
    throw new ConfigurationError(`The contact sheet cannot be written: ${messageOf(error)}`, { cause: error });
  }
  return path;
}

export async function readImageFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
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
