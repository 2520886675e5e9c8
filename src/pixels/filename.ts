import { maxFilenameBytes } from '../base/limits.js';
import type { MediaType } from './decode/decoded-image.js';

/** By which each type is saved, the usual one first. */
const extensions: Readonly<Record<MediaType, readonly string[]>> = {
  'image/jpeg': ['.jpg', '.jpeg', '.jpe', '.jfif'],
  'image/png': ['.png'],
  'image/webp': ['.webp'],
  'image/avif': ['.avif'],
  'image/gif': ['.gif'],
  'image/tiff': ['.tif', '.tiff'],
  'image/heic': ['.heic', '.heif', '.hif'],
  'image/heif': ['.heif', '.heic', '.hif'],
};

/**
 * The name under which a browser saves the image: with an extension of its type, for "picture.html" would be opened as what
 * it says it is, from the disk, where no header protects.
 */
export function withExtension(filename: string, mediaType: MediaType): string {
  const lower = filename.toLowerCase();
  const known = extensions[mediaType];
  return known.some((extension) => lower.endsWith(extension)) ? filename : `${filename}${known[0] ?? ''}`;
}

/** An extension longer than this is part of the name. */
const maxExtensionBytes = 16;
const unnamed = 'unnamed';

/**
 * The name to store for an upload: the last component of whatever path the client gave (`/` and `\` both part), in Unicode
 * NFC, without control, bidirectional-override and unpaired surrogate characters, without white space around it, and at
 * most 255 bytes of UTF-8, cut between characters and before the extension. 'unnamed' where nothing is left.
 */
export function cleanFilename(name: string): string {
  const component = name.split(/[/\\]/).at(-1) ?? '';
  // Overrides (U+202A–E, U+2066–9) make "gpj.exe" read "exe.jpg"; Postgres refuses NUL and lone surrogates.
  const visible = component
    .replace(/[\p{Cc}\p{Cs}\u2028-\u202e\u2066-\u2069]/gu, '')
    .normalize('NFC')
    .trim();
  if (visible === '' || visible === '.' || visible === '..') return unnamed;
  return shorten(visible);
}

function shorten(name: string): string {
  if (Buffer.byteLength(name) <= maxFilenameBytes) return name;
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 && Buffer.byteLength(name.slice(dot)) <= maxExtensionBytes ? name.slice(dot) : '';
  const stem = extension === '' ? name : name.slice(0, dot);
  return cutToBytes(stem, maxFilenameBytes - Buffer.byteLength(extension)) + extension;
}

/** Whole grapheme clusters, so that no accent or part of an emoji is lost; code points where the first cluster is too long. */
export function cutToBytes(text: string, maxBytes: number): string {
  const clusters = new Intl.Segmenter('en').segment(text);
  return takeBytes(clusters, maxBytes) || takeBytes(codePoints(text), maxBytes);
}

function takeBytes(parts: Iterable<{ readonly segment: string }>, maxBytes: number): string {
  let taken = '';
  let bytes = 0;
  for (const { segment } of parts) {
    bytes += Buffer.byteLength(segment);
    if (bytes > maxBytes) break;
    taken += segment;
  }
  return taken.trimEnd();
}

function* codePoints(text: string): Generator<{ readonly segment: string }> {
  for (const segment of text) yield { segment };
}
