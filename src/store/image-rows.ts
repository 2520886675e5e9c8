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
  readonly metadata: Metadata;
  readonly created_at: Date;
}

/** Columns of the table under the alias `i`. */
export const imageColumns =
  'i.id, i.sha256, i.filename, i.media_type, i.width, i.height, i.byte_size, i.metadata, i.created_at';

export function toImageRecord(row: ImageRow): ImageRecord {
  return {
    id: row.id,
    sha256: row.sha256,
    filename: row.filename,
    // Written by insertImage alone, whose type admits no other.
    mediaType: row.media_type as MediaType,
    width: row.width,
    height: row.height,
    byteSize: row.byte_size,
    metadata: row.metadata,
    createdAt: row.created_at,
  };
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
