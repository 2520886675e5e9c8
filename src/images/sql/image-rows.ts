import type { MediaType } from '../../pixels/decode/decoded-image.js';
import type { ImageFilter, ImageRecord, Metadata } from '../../database/types.js';

/** A row of `image` as pg reads it. */
export interface ImageRow {
  readonly id: string;
  readonly sha256: string;
  readonly filename: string;
  readonly media_type: string;
  readonly width: number;
  readonly height: number;
  readonly byte_size: number;
  /** JSON. Null where the statement left it in the database. */
  readonly metadata: string | null;
  readonly created_at: Date;
}

const columnsBesideMetadata = 'i.id, i.sha256, i.filename, i.media_type, i.width, i.height, i.byte_size, i.created_at';

/** Columns of the table under the alias `i`. */
export const imageColumns = `${columnsBesideMetadata}, i.metadata::text`;

/** The same columns, with metadata only where the boolean parameter says so. */
export function imageColumnsWhere(parameter: string): string {
  return `${columnsBesideMetadata}, CASE WHEN ${parameter}::boolean THEN i.metadata::text END AS metadata`;
}

/** Metadata as a row gives it, made compact once somebody asks: then the row's text is let go, so that an answer does not hold both. */
class MetadataText {
  #text: string;
  #isCompact = false;

  constructor(ofRow: string) {
    this.#text = ofRow;
  }

  compact(): string {
    if (!this.#isCompact) this.#text = withoutSpaces(this.#text);
    this.#isCompact = true;
    return this.#text;
  }
}

const metadataTexts = new WeakMap<ImageRecord, MetadataText>();

/** Compact JSON with the digits that Postgres gave. Undefined where the record was not read as a row. */
export function metadataTextOf(image: ImageRecord): string | undefined {
  return metadataTexts.get(image)?.compact();
}

/** Its metadata is read from the row's JSON where somebody asks for it: a thousand rows of it can take 200 MB of memory. */
export function toImageRecord(row: ImageRow): ImageRecord {
  const metadata = row.metadata === null ? undefined : new MetadataText(row.metadata);
  const record: ImageRecord = {
    id: row.id,
    sha256: row.sha256,
    filename: row.filename,
    // Written by insertImage alone, whose type admits no other.
    mediaType: row.media_type as MediaType,
    width: row.width,
    height: row.height,
    byteSize: row.byte_size,
    get metadata() {
      if (metadata === undefined) throw new Error('The metadata of this image was not read');
      return JSON.parse(metadata.compact()) as Metadata;
    },
    createdAt: row.created_at,
  };
  if (metadata !== undefined) metadataTexts.set(record, metadata);
  return record;
}

/**
 * Postgres writes a space after each comma and colon of jsonb, which makes up to 12 KiB of the 8 KiB that may be stored.
 * All else stays as it is written, in time and memory that grow with the length alone.
 */
function withoutSpaces(json: string): string {
  let isString = false;
  const parts = json.split('"').map((part) => {
    const written = isString ? part : part.replaceAll(' ', '');
    if (!isString || !endsInEscape(part)) isString = !isString;
    return written;
  });
  return parts.join('"');
}

/** Whether the quotation mark after it belongs to the string. */
function endsInEscape(part: string): boolean {
  let start = part.length;
  while (part[start - 1] === '\\') start--;
  return (part.length - start) % 2 === 1;
}

/** The five arguments of the SQL function filter_images, with these casts. */
export function filterParameters(first: number): string {
  return ['jsonb', 'text', 'text', 'timestamptz', 'timestamptz']
    .map((type, index) => `$${first + index}::${type}`)
    .join(', ');
}

export function filterValues(filter: ImageFilter | undefined): readonly unknown[] {
  return [
    filter?.metadata === undefined ? null : JSON.stringify(filter.metadata),
    filter?.filenameContains ?? null,
    filter?.sha256 ?? null,
    filter?.createdAfter ?? null,
    filter?.createdBefore ?? null,
  ];
}
