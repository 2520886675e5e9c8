import type { MediaType } from '../image/decoded-image.js';
import type { ImageFilter, ImageRecord, Metadata } from './types.js';

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

/** As imageColumns, with metadata only where the boolean parameter says so. */
export function imageColumnsWhere(parameter: string): string {
  return `${columnsBesideMetadata}, CASE WHEN ${parameter}::boolean THEN i.metadata::text END AS metadata`;
}

const metadataTexts = new WeakMap<ImageRecord, string>();

/** Undefined where the record was not read as a row. */
export function metadataTextOf(image: ImageRecord): string | undefined {
  return metadataTexts.get(image);
}

/** Its metadata is read from the row's JSON where somebody asks for it: a thousand rows of it can take 200 MB of memory. */
export function toImageRecord(row: ImageRow): ImageRecord {
  const { metadata } = row;
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
      if (metadata === null) throw new Error(`The metadata of image ${row.id} was not read`);
      return JSON.parse(metadata) as Metadata;
    },
    createdAt: row.created_at,
  };
  if (metadata !== null) metadataTexts.set(record, metadata);
  return record;
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
