import type pg from 'pg';
import { SemblanceError } from '../errors.js';
import { ownName, vectorName, type Schemas } from './identifiers.js';
import { imageColumns, toImageRecord, type ImageRow } from './image-rows.js';
import { toSpace, type SpaceRow } from './spaces.js';
import type { Store } from './store.js';
import { transaction } from './transaction.js';
import type { ImageRecord, NewImage } from './types.js';
import { toUnitVector, type UnitVector } from './vector.js';

/** Someone may delete the image between our refused insert and our look at it; more often than this is no accident. */
const maxAttempts = 5;

/** The contract stands at Store.findForUpload. Through pg: two statements of Prisma cost five times the processor time. */
export async function findForUpload(pool: pg.Pool, schemas: Schemas, id: string): ReturnType<Store['findForUpload']> {
  type Row = { readonly [Column in keyof ImageRow]: ImageRow[Column] | null } & { readonly space: SpaceRow | null };
  const { rows } = await pool.query<Row>(
    `SELECT to_jsonb(s) AS space, ${imageColumns}
     FROM (VALUES (1)) AS one
     LEFT JOIN ${ownName(schemas, 'embedding_space')} s ON s.state = 'active'
     LEFT JOIN ${ownName(schemas, 'image')} i ON i.id = $1`,
    [id],
  );
  const row = rows[0];
  return {
    image: row === undefined || row.id === null ? undefined : toImageRecord(row as ImageRow),
    space: row?.space == null ? undefined : toSpace(row.space),
  };
}

/** One transaction: image row, bytes, thumbnail, embedding. The contract stands at Store.insertImage. */
export async function insertImage(
  pool: pg.Pool,
  schemas: Schemas,
  image: NewImage,
): Promise<{ readonly image: ImageRecord; readonly created: boolean }> {
  const embedding = toUnitVector(image.embedding);
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const inserted = await transaction(pool, (client) => insertOnce(client, schemas, image, embedding));
    if (inserted !== undefined) return inserted;
  }
  throw new SemblanceError('CONFLICT', `Image ${image.id} is being stored and deleted by others at the same time`);
}

/** Undefined where the image existed at the insert and was gone after it. */
async function insertOnce(
  client: pg.PoolClient,
  schemas: Schemas,
  image: NewImage,
  embedding: UnitVector,
): Promise<{ readonly image: ImageRecord; readonly created: boolean } | undefined> {
  await lockSpace(client, schemas, image);
  const inserted = await client.query<ImageRow>(
    `INSERT INTO ${ownName(schemas, 'image')} AS i (id, sha256, filename, media_type, width, height, byte_size, metadata)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING RETURNING ${imageColumns}`,
    [
      image.id,
      image.sha256,
      image.filename,
      image.mediaType,
      image.width,
      image.height,
      image.original.length,
      JSON.stringify(image.metadata),
    ],
  );
  const row = inserted.rows[0];
  if (row === undefined) return existing(client, schemas, image);

  await client.query(
    `INSERT INTO ${ownName(schemas, 'image_content')} (image_id, original, thumbnail) VALUES ($1, $2, $3)`,
    [image.id, image.original, image.thumbnail],
  );
  await client.query(
    `INSERT INTO ${ownName(schemas, 'embedding')} (space_id, image_id, embedding, norm)
     VALUES ($1, $2, $3::${vectorName(schemas, 'vector')}, $4)`,
    [image.spaceId, image.id, embedding.wire, embedding.norm],
  );
  return { image: toImageRecord(row), created: true };
}

/**
 * Holds the set of spaces still until the commit: an embedding made for the former space and committed after a switch would
 * never be found.
 */
async function lockSpace(client: pg.PoolClient, schemas: Schemas, image: NewImage): Promise<void> {
  const { rows } = await client.query<{ readonly id: number; readonly dimensions: number }>(
    `SELECT id, dimensions FROM ${ownName(schemas, 'embedding_space')} WHERE state IN ('active', 'building') FOR SHARE`,
  );
  const [space, ...others] = rows;
  if (space?.id !== image.spaceId || others.length > 0) {
    throw new SemblanceError('CONFLICT', 'The embedding space has changed since the image was embedded');
  }
  if (space.dimensions !== image.embedding.length) {
    throw new SemblanceError(
      'MODEL_UNAVAILABLE',
      `The model gives ${image.embedding.length} numbers and the embedding space holds ${space.dimensions}`,
    );
  }
}

async function existing(
  client: pg.PoolClient,
  schemas: Schemas,
  image: NewImage,
): Promise<{ readonly image: ImageRecord; readonly created: false } | undefined> {
  const { rows } = await client.query<ImageRow>(
    `SELECT ${imageColumns} FROM ${ownName(schemas, 'image')} i WHERE i.id = $1`,
    [image.id],
  );
  const row = rows[0];
  if (row === undefined) return undefined;
  if (row.sha256 !== image.sha256) {
    throw new SemblanceError('CONFLICT', `Other bytes are stored under the id ${image.id}`);
  }
  return { image: toImageRecord(row), created: false };
}

export async function readOriginal(
  pool: pg.Pool,
  schemas: Schemas,
  id: string,
): Promise<{ readonly bytes: Buffer; readonly image: ImageRecord } | undefined> {
  const { rows } = await pool.query<ImageRow & { readonly original: Buffer }>(
    `SELECT ${imageColumns}, c.original
     FROM ${ownName(schemas, 'image')} i JOIN ${ownName(schemas, 'image_content')} c ON c.image_id = i.id WHERE i.id = $1`,
    [id],
  );
  const row = rows[0];
  return row === undefined ? undefined : { bytes: row.original, image: toImageRecord(row) };
}

export async function readThumbnail(pool: pg.Pool, schemas: Schemas, id: string): Promise<Buffer | undefined> {
  const { rows } = await pool.query<{ readonly thumbnail: Buffer }>(
    `SELECT thumbnail FROM ${ownName(schemas, 'image_content')} WHERE image_id = $1`,
    [id],
  );
  return rows[0]?.thumbnail;
}
