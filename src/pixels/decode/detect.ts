import { SemblanceError } from '../../base/errors.js';
import type { MediaType } from './decoded-image.js';

/** Bytes of a file's beginning that are looked at. */
const inspectedBytes = 1024;

interface Signature {
  /** Latin-1 text at `offset`, the beginning unless given. */
  readonly magic: string;
  readonly offset?: number;
}

const accepted: readonly (Signature & { readonly mediaType: MediaType })[] = [
  { magic: '\xff\xd8\xff', mediaType: 'image/jpeg' },
  { magic: '\x89PNG\r\n\x1a\n', mediaType: 'image/png' },
  { magic: 'GIF87a', mediaType: 'image/gif' },
  { magic: 'GIF89a', mediaType: 'image/gif' },
  { magic: 'II*\0', mediaType: 'image/tiff' },
  { magic: 'MM\0*', mediaType: 'image/tiff' },
  // BigTIFF
  { magic: 'II+\0\x08\0', mediaType: 'image/tiff' },
  { magic: 'MM\0+\0\x08', mediaType: 'image/tiff' },
];

/** What people send instead, so that the refusal can say what it is. */
const refused: readonly (Signature & { readonly name: string })[] = [
  { magic: '%PDF-', name: 'PDF' },
  { magic: 'BM', name: 'BMP' },
  { magic: '\0\0\x01\0', name: 'a Windows icon' },
  { magic: '8BPS', name: 'a Photoshop document' },
  { magic: '\xff\x0a', name: 'JPEG XL' },
  { magic: '\0\0\0\x0cJXL ', name: 'JPEG XL' },
  { magic: '\0\0\0\x0cjP  ', name: 'JPEG 2000' },
  { magic: '\xff\x4f\xff\x51', name: 'JPEG 2000' },
  { magic: 'II\xbc', name: 'JPEG XR' },
  { magic: 'IIRO', name: 'an Olympus raw photo' },
  { magic: 'IIRS', name: 'an Olympus raw photo' },
  { magic: 'MMOR', name: 'an Olympus raw photo' },
  { magic: 'FUJIFILMCCD-RAW', name: 'a Fujifilm raw photo' },
  { magic: 'IIU\0', name: 'a Panasonic raw photo' },
  { magic: 'HEAPCCDR', offset: 6, name: 'a Canon raw photo' },
  { magic: '\0MRM', name: 'a Minolta raw photo' },
  { magic: 'FOVb', name: 'a Sigma raw photo' },
  { magic: 'PK\x03\x04', name: 'a ZIP archive' },
  { magic: '\x1f\x8b', name: 'a gzip archive' },
  { magic: '\x1aE\xdf\xa3', name: 'a WebM or Matroska video' },
  { magic: 'qoif', name: 'QOI' },
  { magic: 'SIMPLE  =', name: 'FITS' },
  { magic: '%!PS', name: 'PostScript' },
  { magic: '\xc5\xd0\xd3\xc6', name: 'PostScript' },
  { magic: '\0\0\x02\0\x01\0', name: 'a Windows cursor' },
  { magic: '\xd7\xcd\xc6\x9a', name: 'a Windows metafile' },
  { magic: ' EMF', offset: 40, name: 'a Windows metafile' },
  { magic: 'DDS ', name: 'DDS' },
  { magic: '\x01\xda\0', name: 'SGI' },
  { magic: '\x01\xda\x01', name: 'SGI' },
  { magic: 'Y\xa6j\x95', name: 'Sun raster' },
  { magic: 'v/1\x01', name: 'OpenEXR' },
  { magic: 'farbfeld', name: 'farbfeld' },
  { magic: 'BLP1', name: 'BLP' },
  { magic: 'BLP2', name: 'BLP' },
  { magic: 'icns', name: 'an Apple icon' },
  { magic: 'gimp xcf', name: 'a GIMP document' },
  { magic: '\x8aMNG', name: 'MNG' },
  { magic: '\x11\xaf', offset: 4, name: 'an FLI animation' },
  { magic: '\x12\xaf', offset: 4, name: 'an FLI animation' },
  { magic: 'AT&TFORM', name: 'DjVu' },
  { magic: 'AVI ', offset: 8, name: 'an AVI video' },
  { magic: 'DICM', offset: 128, name: 'DICOM' },
  { magic: '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1', name: 'a document of Microsoft Office or FlashPix' },
  { magic: 'DanM', name: 'Microsoft Paint 1' },
  { magic: 'LinS', name: 'Microsoft Paint 1' },
  { magic: '\n\x05\x01', name: 'PCX' },
  { magic: '\n\x03\x01', name: 'PCX' },
  { magic: '\n\x02\x01', name: 'PCX' },
];

/** The names that a refusal can say beside those of text and of the container of videos. */
export const refusedNames: readonly string[] = [
  ...new Set(refused.map(({ name }) => name)),
  'Netpbm',
  'Radiance HDR',
  'Targa',
];

/** `ftyp` brands of ISO base media files (ISO/IEC 23008-12 and AV1 Image File Format, section 6). */
const avifBrands: ReadonlySet<string> = new Set(['avif', 'avis']);
const heicBrands: ReadonlySet<string> = new Set(['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'hevm', 'hevs']);
/** Of the container alone: what is in it may be coded in any way. */
const heifBrands: ReadonlySet<string> = new Set(['mif1', 'mif2', 'msf1', 'mif3', 'miaf']);

/**
 * The type of an image, from its first bytes alone: neither its name nor the client's word counts.
 *
 * A table of our own, for the libraries that detect types also open archives and videos, and tell neither SVG nor text.
 * @throws SemblanceError BAD_USER_INPUT for an empty file, UNSUPPORTED_MEDIA_TYPE naming what the bytes are where known
 */
export function detectMediaType(bytes: Uint8Array): MediaType {
  if (bytes.length === 0) throw new SemblanceError('BAD_USER_INPUT', 'The file is empty');
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, inspectedBytes));
  const latin1 = head.toString('latin1');

  const hit = accepted.find((signature) => matches(latin1, signature));
  if (hit !== undefined) return hit.mediaType;
  if (latin1.startsWith('RIFF') && latin1.startsWith('WEBP', 8)) return 'image/webp';
  const brands = readBrands(head);
  if (brands.some((brand) => avifBrands.has(brand))) return 'image/avif';
  if (brands.some((brand) => heicBrands.has(brand))) return 'image/heic';
  if (brands.some((brand) => heifBrands.has(brand))) return 'image/heif';

  const name = nameUnsupported(head, latin1, brands) ?? nameByEnd(bytes);
  throw new SemblanceError(
    'UNSUPPORTED_MEDIA_TYPE',
    `The file is ${name ?? 'of an unknown type'}; JPEG, PNG, WebP, AVIF, GIF, TIFF and HEIC are accepted`,
  );
}

function matches(latin1: string, { magic, offset = 0 }: Signature): boolean {
  return latin1.startsWith(magic, offset);
}

function nameUnsupported(head: Buffer, latin1: string, brands: readonly string[]): string | undefined {
  if (/^P[1-7Ff]\s/.test(latin1)) return 'Netpbm';
  if (/^#\?(RADIANCE|RGBE)/.test(latin1)) return 'Radiance HDR';
  if (brands.includes('crx ')) return 'a Canon raw photo';
  if (brands.length > 0) return 'an MP4 or QuickTime video';
  return refused.find((signature) => matches(latin1, signature))?.name ?? nameText(head);
}

/** Truevision's TGA begins with nothing of its own; its newer files end so. */
function nameByEnd(bytes: Uint8Array): string | undefined {
  return Buffer.from(bytes.slice(-18)).toString('latin1').startsWith('TRUEVISION-XFILE') ? 'Targa' : undefined;
}

/** Major and compatible brands of a leading `ftyp` box; none where the file does not start with one. */
function readBrands(head: Buffer): readonly string[] {
  if (head.length < 12 || head.toString('latin1', 4, 8) !== 'ftyp') return [];
  const end = Math.min(head.readUInt32BE(0), head.length);
  const brands = [head.toString('latin1', 8, 12)];
  // Bytes 12 to 15 are the minor version.
  for (let at = 16; at + 4 <= end; at += 4) brands.push(head.toString('latin1', at, at + 4));
  return brands;
}

function nameText(head: Buffer): string | undefined {
  const text = decodeText(head);
  if (text === undefined) return undefined;
  if (/<svg[\s/>]/i.test(text)) return 'SVG';
  if (/^\s*(<!doctype html|<html)/i.test(text)) return 'HTML';
  if (/^\s*<\?xml/.test(text)) return 'XML';
  return 'text';
}

function decodeText(head: Buffer): string | undefined {
  const encoding = head[0] === 0xff && head[1] === 0xfe ? 'utf-16le' : 'utf-8';
  try {
    // stream: the cut may fall inside a character.
    const text = new TextDecoder(encoding, { fatal: true }).decode(head, { stream: true });
    // eslint-disable-next-line no-control-regex -- control characters are what tells binary data from text
    return /[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
