import type pg from 'pg';
import { SemblanceError } from '../errors.js';
import { exactSearchMaxImages } from '../limits.js';
import { sqlStateOf } from './errors.js';
import { ownName, vectorName, type Schemas } from './identifiers.js';
import { filterParameters, filterValues, imageColumns, toImageRecord, type ImageRow } from './image-rows.js';
import type { SearchMode, SearchOptions, SearchResult } from './types.js';
import { toUnitVector } from './vector.js';

/** A stored image, or a vector as a model gives it. */
export type SearchQuery = { readonly imageId: string } | { readonly vector: Float32Array };

interface HitRow extends ImageRow {
  readonly space: string;
  /** Null with all that follows where nothing was found. */
  readonly mode: SearchMode | null;
  readonly similarity: number | null;
}

/**
 * The search itself is the SQL function search_images; here its answer gets the images' rows and minSimilarity is applied.
 * @throws SemblanceError NOT_FOUND; MODEL_UNAVAILABLE where there is no active space to compare a vector with
 */
export async function search(
  pool: pg.Pool,
  schemas: Schemas,
  query: SearchQuery,
  { k, minSimilarity, filter }: SearchOptions,
): Promise<SearchResult> {
  const startedMs = performance.now();
  const parameters = [
    'imageId' in query ? query.imageId : null,
    'vector' in query ? toUnitVector(query.vector).wire : null,
    k,
    ...filterValues(filter),
    exactSearchMaxImages,
    // Applied after the k nearest are known: too few above it are no reason to compare every image.
    minSimilarity ?? -Infinity,
  ];
  const { rows } = await pool.query<HitRow>(searchSql(schemas), parameters).catch((error: unknown) => {
    if (sqlStateOf(error) === 'P0002') throw notFound(query, error);
    throw error;
  });
  const [first] = rows;
  if (first === undefined) throw notFound(query);
  return {
    space: first.space,
    // No row at all: the index found nothing, and then every candidate was compared.
    mode: first.mode ?? 'exact',
    databaseMs: performance.now() - startedMs,
    hits: rows.flatMap((row) =>
      row.similarity === null || (row.id as string | null) === null
        ? []
        : [{ image: toImageRecord(row), similarity: row.similarity }],
    ),
  };
}

/** One row at least where a space is active, so that its name and the mode are known when no hit is left. */
function searchSql(schemas: Schemas): string {
  return `
    SELECT a.name AS space, s.mode, s.similarity, ${imageColumns}
    FROM ${ownName(schemas, 'embedding_space')} a
    LEFT JOIN ${ownName(schemas, 'search_images')}(
      $1::uuid, $2::${vectorName(schemas, 'vector')}, $3::integer, ${filterParameters(4)}, $9::integer) s ON true
    LEFT JOIN ${ownName(schemas, 'image')} i ON i.id = s.image_id AND s.similarity >= $10::float8
    WHERE a.state = 'active'
    ORDER BY s.rank`;
}

function notFound(query: SearchQuery, cause?: unknown): SemblanceError {
  return 'imageId' in query
    ? new SemblanceError('NOT_FOUND', `There is no image ${query.imageId}`, { cause })
    : new SemblanceError('MODEL_UNAVAILABLE', 'The database has no active embedding space yet', { cause });
}
