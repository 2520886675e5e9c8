import type pg from 'pg';
import { SemblanceError } from '../../base/errors.js';
import { requireDimensions } from '../../spaces/sql/embedding-sql.js';
import { ownName, vectorName, type Schemas } from '../../database/identifiers.js';
import { imageColumns, toImageRecord, type ImageRow } from './image-rows.js';
import { requireRoom } from '../../database/room.js';
import { holdLiveSpaces, liveSpaceOrder, spaceColumns, toSpace, type SpaceRow } from '../../spaces/sql/space-sql.js';
import type { Store } from '../../database/store.js';
import { transaction } from '../../database/transaction.js';
import type { ImageRecord, NewImage } from '../../database/types.js';
import { toUnitVector, type UnitVector } from '../../database/vector.js';

/** Someone may delete the image between our refused insert and our look at it; more often than this is no accident. */
const maxAttempts = 5;

/** The contract stands at Store.findForUpload. Through pg: two statements of Prisma cost five times the processor time. */
export async function findForUpload(pool: pg.Pool, schemas: Schemas, id: string): ReturnType<Store['findForUpload']> {
  type Row = { readonly [Column in keyof ImageRow]: ImageRow[Column] | null } & {
    readonly spaces: readonly SpaceRow[] | null;
  };
  const { rows } = await pool.query<Row>(
    `SELECT (SELECT jsonb_agg(l) FROM (
       SELECT ${spaceColumns} FROM ${ownName(schemas, 'embedding_space')} s
       WHERE s.state <> 'retired' ORDER BY ${liveSpaceOrder}) l) AS spaces, ${imageColumns}
     FROM (VALUES (1)) AS one
     LEFT JOIN ${ownName(schemas, 'image')} i ON i.id = $1`,
    [id],
  );
  const row = rows[0];
  return {
    image: row === undefined || row.id === null ? undefined : toImageRecord(row as ImageRow),
    spaces: row?.spaces?.map(toSpace) ?? [],
  };
}

/** One transaction: image row, bytes, renditions, embeddings. The contract stands at Store.insertImage. */
export async function insertImage(
  pool: pg.Pool,
  schemas: Schemas,
  image: NewImage,
): Promise<{ readonly image: ImageRecord; readonly created: boolean }> {
  const embeddings = image.embeddings.map(({ spaceId, embedding }) => ({ spaceId, ...toUnitVector(embedding) }));
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const inserted = await transaction(pool, async (client) => {
      await requireRoom(pool, image.original.length);
      return insertOnce(client, schemas, image, embeddings);
    });
    if (inserted !== undefined) return inserted;
  }
  throw new SemblanceError(
    'CONFLICT',
    `Image ${image.id} is neither stored nor found: others store and delete it at the same time, or a rule of this database passes it over or hides it`,
  );
}

/** Undefined where the image existed at the insert and was gone after it. */
async function insertOnce(
  client: pg.PoolClient,
  schemas: Schemas,
  image: NewImage,
  embeddings: readonly (UnitVector & { readonly spaceId: number })[],
): Promise<{ readonly image: ImageRecord; readonly created: boolean } | undefined> {
  await requireLiveSpaces(client, schemas, image);
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
    `INSERT INTO ${ownName(schemas, 'image_content')} (image_id, original, thumbnail, grey, grey_on_contrast)
     VALUES ($1, $2, $3, $4, true)`,
    [image.id, image.original, image.thumbnail, image.grey],
  );
  const values = embeddings.map((_, index) => {
    const first = 3 * index + 2;
    return `($${first}::integer, $1::uuid, $${first + 1}::${vectorName(schemas, 'vector')}, $${first + 2}::real)`;
  });
  await client.query(
    `INSERT INTO ${ownName(schemas, 'embedding')} (space_id, image_id, embedding, norm) VALUES ${values.join(', ')}`,
    [image.id, ...embeddings.flatMap(({ spaceId, wire, norm }) => [spaceId, wire, norm])],
  );
  return { image: toImageRecord(row), created: true };
}

/** @throws SemblanceError CONFLICT where the embeddings are not those of the live spaces, which stay so until the commit */
async function requireLiveSpaces(client: pg.PoolClient, schemas: Schemas, image: NewImage): Promise<void> {
  const spaces = await holdLiveSpaces(client, schemas);
  const given = new Map(image.embeddings.map(({ spaceId, embedding }) => [spaceId, embedding]));
  const same = spaces.length > 0 && given.size === spaces.length && spaces.every(({ id }) => given.has(id));
  if (!same || image.embeddings.length !== spaces.length) {
    throw new SemblanceError('CONFLICT', 'The embedding spaces have changed since the image was embedded');
  }
  for (const space of spaces) {
    const embedding = given.get(space.id);
    if (embedding !== undefined) requireDimensions(space, embedding);
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
    // By the image, so that none is read whose row a policy hides.
    `SELECT c.thumbnail
     FROM ${ownName(schemas, 'image')} i JOIN ${ownName(schemas, 'image_content')} c ON c.image_id = i.id WHERE i.id = $1`,
    [id],
  );
  return rows[0]?.thumbnail;
}
