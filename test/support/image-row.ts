import type { ImageRow } from '../../src/images/sql/image-rows.js';

/** A row of `image` as Postgres may give it: any program may have written its metadata. */
export function imageRow(overrides: Pick<ImageRow, 'metadata'> & Partial<ImageRow>): ImageRow {
  return {
    id: '00000000-0000-8000-8000-000000000000',
    sha256: '0'.repeat(64),
    filename: 'a.jpg',
    media_type: 'image/jpeg',
    width: 1,
    height: 1,
    byte_size: 1,
    created_at: new Date(0),
    ...overrides,
  };
}
