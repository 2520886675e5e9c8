import type pg from 'pg';
import { SemblanceError } from '../../base/errors.js';
import type { Region } from '../../pixels/region.js';
import { embeddingDimensions } from '../../base/limits.js';
import { greyIsOnContrast } from '../sql/grey-sql.js';
import { ownName, vectorName, type Schemas } from '../../database/identifiers.js';
import { imageColumns, toImageRecord, type ImageRow } from '../sql/image-rows.js';
import { requireRoom } from '../../database/room.js';
import { lockOutUploads, spaceColumns, toSpace, type SpaceRow } from '../../spaces/sql/space-sql.js';
import type { EmbeddingSpace, ScorerKind } from '../../database/store.js';
import { transaction } from '../../database/transaction.js';
import type { ImageRecord } from '../../database/types.js';
import { regionFromWire, shortestReal } from '../../database/vector.js';

/** A vector as it is stored, so that a move changes no similarity by a bit. */
export interface StoredVector {
  readonly spaceId: number;
  /** Of the vector before it was scaled to length 1. */
  readonly norm: number;
  /** Big-endian float32, as many as the space has dimensions: of length 1. */
  readonly unit: Buffer;
}

export interface StoredRegion extends StoredVector {
  readonly number: number;
  readonly region: Region;
}

/** All that is stored of one image. */
export interface StoredImage {
  readonly record: ImageRecord;
  readonly original: Buffer;
  readonly thumbnail: Buffer;
  /** See makeGrey; null where nothing has asked for it since makeGrey shows what is transparent as it does. */
  readonly grey: Buffer | null;
  readonly embeddings: readonly StoredVector[];
  readonly regions: readonly StoredRegion[];
}

export interface StoredSpace extends EmbeddingSpace {
  /** See Store.readFitted. */
  readonly fitted: unknown;
  readonly scorers: readonly { readonly kind: ScorerKind; readonly scorer: unknown }[];
}

/** The gallery as it was at one moment, whatever others write meanwhile. */
export interface GallerySnapshot {
  readonly spaces: readonly StoredSpace[];
  readonly imageCount: number;
  /** By id, those after `after`. */
  imageIds(options: { readonly after?: string | undefined; readonly limit: number }): Promise<readonly string[]>;
  readImage(id: string): Promise<StoredImage>;
}

/** Gives `work` a snapshot, which ends with it. On the embedded database nobody else is served meanwhile. */
export async function withSnapshot<T>(
  pool: pg.Pool,
  schemas: Schemas,
  work: (snapshot: GallerySnapshot) => Promise<T>,
): Promise<T> {
  return transaction(
    pool,
    async (client) => {
      const images = ownName(schemas, 'image');
      const { rows } = await client.query<{ readonly count: string }>(`SELECT count(*) FROM ${images}`);
      return work({
        spaces: await readSpaces(client, schemas),
        imageCount: Number(rows[0]?.count),
        imageIds: async ({ after, limit }) => {
          const page = await client.query<{ readonly id: string }>(
            `SELECT id FROM ${images} WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2`,
            [after ?? null, limit],
          );
          return page.rows.map(({ id }) => id);
        },
        readImage: (id) => readImage(client, schemas, id),
      });
    },
    'ISOLATION LEVEL REPEATABLE READ, READ ONLY',
  );
}

async function readSpaces(client: pg.PoolClient, schemas: Schemas): Promise<readonly StoredSpace[]> {
  type Row = SpaceRow & { readonly fitted: unknown; readonly scorers: StoredSpace['scorers'] | null };
  const { rows } = await client.query<Row>(
    `SELECT ${spaceColumns}, nullif(s.fitted, '{}') AS fitted,
       (SELECT jsonb_agg(jsonb_build_object('kind', c.kind, 'scorer', c.scorer) ORDER BY c.kind)
        FROM ${ownName(schemas, 'scorer')} c WHERE c.space_id = s.id) AS scorers
     FROM ${ownName(schemas, 'embedding_space')} s ORDER BY s.id`,
  );
  return rows.map((row) => ({ ...toSpace(row), fitted: row.fitted ?? undefined, scorers: row.scorers ?? [] }));
}

async function readImage(client: pg.PoolClient, schemas: Schemas, id: string): Promise<StoredImage> {
  type Row = ImageRow & Pick<StoredImage, 'original' | 'thumbnail' | 'grey'>;
  const { rows } = await client.query<Row>(
    `SELECT ${imageColumns}, c.original, c.thumbnail, CASE WHEN ${greyIsOnContrast} THEN c.grey END AS grey
     FROM ${ownName(schemas, 'image')} i JOIN ${ownName(schemas, 'image_content')} c ON c.image_id = i.id WHERE i.id = $1`,
    [id],
  );
  const [row] = rows;
  if (row === undefined) throw new Error('An image was there a moment ago, in the same snapshot');
  const unit = `substring(${vectorName(schemas, 'vector_send')}(t.embedding) FROM 5 FOR 4 * s.dimensions) AS unit`;
  const from = (table: string) =>
    `FROM ${ownName(schemas, table)} t JOIN ${ownName(schemas, 'embedding_space')} s ON s.id = t.space_id WHERE t.image_id = $1`;
  type VectorRow = Omit<StoredVector, 'norm'> & { readonly norm: Buffer };
  const embeddings = await client.query<VectorRow>(
    `SELECT t.space_id AS "spaceId", float4send(t.norm) AS norm, ${unit} ${from('embedding')} ORDER BY t.space_id`,
    [id],
  );
  type RegionRow = VectorRow & { readonly number: number; readonly region: Buffer };
  const regions = await client.query<RegionRow>(
    `SELECT t.space_id AS "spaceId", float4send(t.norm) AS norm, ${unit}, t.number,
       float4send(t.x) || float4send(t.y) || float4send(t.width) || float4send(t.height) AS region
     ${from('region')} ORDER BY t.space_id, t.number`,
    [id],
  );
  const { original, thumbnail, grey } = row;
  return {
    record: toImageRecord(row),
    original,
    thumbnail,
    grey,
    embeddings: embeddings.rows.map((vector) => ({ ...vector, norm: shortestReal(vector.norm.readFloatBE()) })),
    regions: regions.rows.map(({ region, ...vector }) => ({
      ...vector,
      norm: shortestReal(vector.norm.readFloatBE()),
      region: regionFromWire(region),
    })),
  };
}

/**
 * Stores an image with its id, time and vectors, in one transaction. Of one that is stored already, what vectors it lacks are
 * added and nothing is changed. A `ready` space that lacks the image then is `building` from the same moment on.
 * @param image its vectors in spaces of this database
 * @throws SemblanceError CONFLICT where a space was removed meanwhile, or other bytes have the id
 */
export async function insertStoredImage(
  pool: pg.Pool,
  schemas: Schemas,
  image: StoredImage,
): Promise<{ readonly created: boolean }> {
  const insert = async (client: pg.PoolClient) => {
    await requireRoom(pool, image.original.length);
    return insertRows(client, schemas, image);
  };
  try {
    return await transaction(pool, async (client) => {
      const inserted = await insert(client);
      if (await isLackedByReady(client, schemas, image)) throw new ReadySpaceLacksImage();
      return inserted;
    });
  } catch (error) {
    if (!(error instanceof ReadySpaceLacksImage)) throw error;
  }
  // The lock comes first, as for everybody who changes a space: two that held rows already and then changed spaces would wait for each
  // other.
  return transaction(pool, async (client) => {
    await lockOutUploads(client, schemas);
    const inserted = await insert(client);
    await client.query(
      `UPDATE ${ownName(schemas, 'embedding_space')} s SET state = 'building' WHERE state = 'ready' AND ${lacks(schemas)}`,
      [image.record.id],
    );
    return inserted;
  });
}

class ReadySpaceLacksImage extends Error {}

/** Of the space `s` and the image `$1`. */
function lacks(schemas: Schemas): string {
  return `NOT EXISTS (SELECT FROM ${ownName(schemas, 'embedding')} e WHERE e.space_id = s.id AND e.image_id = $1)`;
}

async function isLackedByReady(client: pg.PoolClient, schemas: Schemas, { record }: StoredImage): Promise<boolean> {
  const { rowCount } = await client.query(
    `SELECT FROM ${ownName(schemas, 'embedding_space')} s WHERE state = 'ready' AND ${lacks(schemas)} LIMIT 1`,
    [record.id],
  );
  return rowCount === 1;
}

async function insertRows(
  client: pg.PoolClient,
  schemas: Schemas,
  image: StoredImage,
): Promise<{ readonly created: boolean }> {
  const { record } = image;
  await holdSpaces(client, schemas, image);
  const inserted = await client.query(
    `INSERT INTO ${ownName(schemas, 'image')} (id, sha256, filename, media_type, width, height, byte_size, metadata, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING`,
    [
      record.id,
      record.sha256,
      record.filename,
      record.mediaType,
      record.width,
      record.height,
      image.original.length,
      JSON.stringify(record.metadata),
      record.createdAt,
    ],
  );
  const created = inserted.rowCount === 1;
  if (created) {
    await client.query(
      // A server of an earlier version may fill in what is missing, on white.
      `INSERT INTO ${ownName(schemas, 'image_content')} (image_id, original, thumbnail, grey, grey_on_contrast)
       VALUES ($1, $2, $3, $4, $4::bytea IS NOT NULL)`,
      [record.id, image.original, image.thumbnail, image.grey],
    );
  } else {
    await requireSame(client, schemas, record);
  }
  await insertVectors(client, schemas, image);
  return { created };
}

/** The spaces stay until the commit. */
async function holdSpaces(client: pg.PoolClient, schemas: Schemas, image: StoredImage): Promise<void> {
  const ids = [...new Set([...image.embeddings, ...image.regions].map(({ spaceId }) => spaceId))];
  const { rowCount } = await client.query(
    `SELECT FROM ${ownName(schemas, 'embedding_space')} WHERE id = ANY ($1::integer[]) ORDER BY id FOR SHARE`,
    [ids],
  );
  if (rowCount !== ids.length) throw new SemblanceError('CONFLICT', 'An embedding space was removed meanwhile');
}

async function requireSame(client: pg.PoolClient, schemas: Schemas, { id, sha256 }: ImageRecord): Promise<void> {
  const { rows } = await client.query<{ readonly sha256: string }>(
    `SELECT sha256 FROM ${ownName(schemas, 'image')} WHERE id = $1 FOR KEY SHARE`,
    [id],
  );
  const [row] = rows;
  if (row === undefined) throw new SemblanceError('CONFLICT', `Image ${id} was deleted meanwhile`);
  if (row.sha256 !== sha256) throw new SemblanceError('CONFLICT', `Other bytes are stored under the id ${id}`);
}

async function insertVectors(client: pg.PoolClient, schemas: Schemas, image: StoredImage): Promise<void> {
  const { id } = image.record;
  const vector = vectorName(schemas, 'vector');
  for (const { spaceId, norm, unit } of image.embeddings) {
    await client.query(
      `INSERT INTO ${ownName(schemas, 'embedding')} (space_id, image_id, embedding, norm)
       VALUES ($1, $2, $3::${vector}, $4) ON CONFLICT (space_id, image_id) DO NOTHING`,
      [spaceId, id, toWire(unit), norm],
    );
  }
  // All regions of an image in a space are made at once: those of two sources are not mixed.
  const { rows } = await client.query<{ readonly space_id: number }>(
    `SELECT DISTINCT space_id FROM ${ownName(schemas, 'region')} WHERE image_id = $1`,
    [id],
  );
  const indexed = new Set(rows.map((row) => row.space_id));
  for (const { spaceId, norm, unit, number, region } of image.regions) {
    if (indexed.has(spaceId)) continue;
    await client.query(
      `INSERT INTO ${ownName(schemas, 'region')} (space_id, image_id, number, x, y, width, height, embedding, norm)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8::${vector}, $9)`,
      [spaceId, id, number, region.x, region.y, region.width, region.height, toWire(unit), norm],
    );
  }
}

/** pgvector's binary form, padded with zeros to the column's width. */
function toWire(unit: Buffer): Buffer {
  const wire = Buffer.alloc(4 + 4 * embeddingDimensions);
  wire.writeInt16BE(embeddingDimensions, 0);
  unit.copy(wire, 4);
  return wire;
}
