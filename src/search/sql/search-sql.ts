import type pg from 'pg';
import { SemblanceError } from '../../base/errors.js';
import { exactSearchMaxImages } from '../../base/limits.js';
import { sqlStateOf } from '../../database/errors.js';
import { ownName, vectorName, type Schemas } from '../../database/identifiers.js';
import {
  filterParameters,
  filterValues,
  imageColumnsWhere,
  toImageRecord,
  type ImageRow,
} from '../../images/sql/image-rows.js';
import type { SearchMode, SearchOptions, SearchResult } from '../../database/types.js';
import { regionFromWire, toUnitVector } from '../../database/vector.js';

/** A vector as a model gives it, and the image that is left out. */
interface VectorQuery {
  readonly vector: Float32Array;
  readonly except: string | undefined;
}

type SearchQuery = { readonly imageId: string } | VectorQuery;

interface HitRow extends ImageRow {
  readonly space: string;
  /** Null with all that follows where nothing was found. */
  readonly mode: SearchMode | null;
  readonly similarity: Buffer | null;
}

interface RegionHitRow extends HitRow {
  readonly has_regions: boolean;
  /** x, y, width and height. Null where the whole image matched. */
  readonly region: Buffer | null;
}

/**
 * The search itself is the SQL function search_images; here its answer gets the images' rows and minSimilarity is applied.
 * @throws SemblanceError NOT_FOUND; MODEL_UNAVAILABLE where there is no active space to compare a vector with
 */
export async function search(
  pool: pg.Pool,
  schemas: Schemas,
  query: SearchQuery,
  options: SearchOptions,
): Promise<SearchResult> {
  const startedMs = performance.now();
  const rows = await run<HitRow>(pool, searchSql(schemas, 'search_images', ''), query, options);
  return {
    ...summaryOf(rows[0]),
    databaseMs: performance.now() - startedMs,
    hits: found(rows).map((row) => ({ image: toImageRecord(row), similarity: row.similarity.readDoubleBE() })),
  };
}

/** As search, by the SQL function search_regions. The contract stands at Store.searchRegions. */
export async function searchRegions(
  pool: pg.Pool,
  schemas: Schemas,
  query: VectorQuery,
  options: SearchOptions,
): Promise<SearchResult> {
  const startedMs = performance.now();
  const columns = `, float4send(s.x) || float4send(s.y) || float4send(s.width) || float4send(s.height) AS region,
      EXISTS (SELECT FROM ${ownName(schemas, 'region')} r WHERE r.space_id = a.id) AS has_regions`;
  const rows = await run<RegionHitRow>(pool, searchSql(schemas, 'search_regions', columns), query, options);
  if (!rows[0].has_regions) {
    throw new SemblanceError(
      'BAD_USER_INPUT',
      `No image has regions in the embedding space ${rows[0].space}: run \`semblance index-regions --space ${rows[0].space}\` first`,
    );
  }
  return {
    ...summaryOf(rows[0]),
    databaseMs: performance.now() - startedMs,
    hits: found(rows).map((row) => ({
      image: toImageRecord(row),
      similarity: row.similarity.readDoubleBE(),
      region: row.region === null ? undefined : regionFromWire(row.region),
    })),
  };
}

async function run<Row extends HitRow>(
  pool: pg.Pool,
  sql: string,
  query: SearchQuery,
  { k, minSimilarity, filter, spaceId, withoutMetadata = false }: SearchOptions,
): Promise<readonly [Row, ...Row[]]> {
  const parameters = [
    'imageId' in query ? query.imageId : query.except,
    'vector' in query ? toUnitVector(query.vector).wire : null,
    k,
    ...filterValues(filter),
    exactSearchMaxImages,
    // Applied after the k nearest are known: too few above it are no reason to compare every image.
    minSimilarity ?? -Infinity,
    spaceId ?? null,
    !withoutMetadata,
  ];
  const { rows } = await pool.query<Row>(sql, parameters).catch((error: unknown) => {
    if (sqlStateOf(error) === 'P0002') throw notFound(query, spaceId, error);
    throw error;
  });
  const [first, ...others] = rows;
  if (first === undefined) throw notFound(query, spaceId);
  return [first, ...others];
}

/** Numbers in binary: their text hangs on extra_float_digits. One row at least where there is such a space, so that its name and the mode are known when no hit is left. */
function searchSql(schemas: Schemas, name: 'search_images' | 'search_regions', columns: string): string {
  const spaces = ownName(schemas, 'embedding_space');
  return `
    SELECT a.name AS space, s.mode, float8send(s.similarity) AS similarity, ${imageColumnsWhere('$12')}${columns}
    FROM ${spaces} a
    LEFT JOIN ${ownName(schemas, name)}(
      $1::uuid, $2::${vectorName(schemas, 'vector')}, $3::integer, ${filterParameters(4)}, $9::integer, $11::integer) s ON true
    LEFT JOIN ${ownName(schemas, 'image')} i ON i.id = s.image_id AND s.similarity >= $10::float8
    WHERE a.id = coalesce($11::integer, (SELECT id FROM ${spaces} WHERE state = 'active')) AND a.state <> 'retired'
    ORDER BY s.rank`;
}

function summaryOf({ space, mode }: HitRow): Pick<SearchResult, 'space' | 'mode'> {
  // No row at all: the index found nothing, and then every candidate was compared.
  return { space, mode: mode ?? 'exact' };
}

/** Those at or above minSimilarity. */
function found<Row extends HitRow>(rows: readonly Row[]): readonly (Row & { readonly similarity: Buffer })[] {
  return rows.filter(
    (row): row is Row & { readonly similarity: Buffer } =>
      row.similarity !== null && (row.id as string | null) !== null,
  );
}

function notFound(query: SearchQuery, spaceId: number | undefined, cause?: unknown): SemblanceError {
  if ('imageId' in query) {
    const where = spaceId === undefined ? '' : ' in the embedding space';
    return new SemblanceError('NOT_FOUND', `There is no image ${query.imageId}${where}`, { cause });
  }
  return spaceId === undefined
    ? new SemblanceError('MODEL_UNAVAILABLE', 'The database has no active embedding space yet', { cause })
    : new SemblanceError('NOT_FOUND', 'There is no such embedding space', { cause });
}
