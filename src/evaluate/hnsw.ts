import { setTimeout } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import type { Config } from '../base/config.js';
import { SemblanceError } from '../base/errors.js';
import { imageIdOf, sha256Hex } from '../base/identity.js';
import { greySidePixels } from '../base/limits.js';
import { dropSchema } from '../database/setup/drop-schema.js';
import { openStore } from '../database/open-store.js';
import type { Store } from '../database/store.js';
import type { OnProgress } from '../base/progress.js';
import type { CandidateSource, Parts } from './candidates.js';

export interface HnswOptions {
  readonly config: Config;
  /** `memory`: a database that is gone at the end. `server`: a schema of its own on DATABASE_URL, dropped at the end. */
  readonly store: 'memory' | 'server';
  readonly parts: Parts;
  readonly vectors: Float32Array;
  readonly dimensions: number;
  readonly spaceName: string;
  readonly count: number;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
}

export interface HnswIndex {
  readonly candidates: CandidateSource;
  readonly insertMsPerImage: number;
  /** Tables and indexes. */
  readonly bytes: number;
  /** Queries that Postgres answered by comparing every vector; it does so where the gallery is small. */
  readonly exactQueries: () => number;
  close(): Promise<void>;
}

/** What dropSchema takes. */
const schemaPrefix = 'semblance_evaluation_';
const pollMs = 20;
/** Inserts on their way at the same time. */
const concurrency = 4;

/**
 * Indexes the gallery in a pgvector of its own: never in the user's schema. Each file becomes one row under an id made of
 * its place in the gallery, so that equal files stay apart.
 */
export async function openHnswIndex(options: HnswOptions): Promise<HnswIndex> {
  const { config, parts, vectors, dimensions, count, signal, onProgress, spaceName } = options;
  const schema = schemaPrefix + randomBytes(6).toString('hex');
  const target = { ...config, schema, database: databaseOf(options), autoMigrate: true };
  const store = await openStore(target);
  const close = async (): Promise<void> => {
    await store.close();
    if (target.database.kind === 'server') await dropSchema(target);
  };
  try {
    await untilReady(store);
    const space = await store.ensureSpace({
      name: 'evaluation',
      model: spaceName,
      modelSha256: sha256Hex(Buffer.from(spaceName)),
      preprocessingSha256: sha256Hex(Buffer.from('')),
      dimensions,
    });
    const emptyBytes = await store.sizeBytes();
    const vectorOf = (row: number): Float32Array => vectors.slice(row * dimensions, (row + 1) * dimensions);
    const positions = new Map<string, number>();
    const grey = Buffer.alloc(greySidePixels ** 2);
    const startedMs = performance.now();
    let inserted = 0;
    let next = 0;
    const total = parts.gallery.length;
    const insert = async (): Promise<void> => {
      while (next < total) {
        signal.throwIfAborted();
        const position = next++;
        const original = Buffer.from(String(position));
        const sha256 = sha256Hex(original);
        const id = imageIdOf(sha256);
        positions.set(id, position);
        await store.insertImage({
          id,
          sha256,
          filename: String(position),
          mediaType: 'image/png',
          width: 1,
          height: 1,
          metadata: {},
          original,
          thumbnail: original,
          grey,
          embeddings: [{ spaceId: space.id, embedding: vectorOf(parts.gallery[position]!) }],
        });
        onProgress({ stage: `Indexing ${spaceName}`, done: ++inserted, total });
      }
    };
    const endings = await Promise.allSettled(Array.from({ length: concurrency }, insert));
    const failed = endings.find((ending) => ending.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    const insertMsPerImage = (performance.now() - startedMs) / Math.max(1, total);
    const bytes = (await store.sizeBytes()) - emptyBytes;
    let exact = 0;
    return {
      insertMsPerImage,
      bytes: Math.max(0, bytes),
      exactQueries: () => exact,
      close,
      candidates: async function* (first) {
        for (let query = first; query < parts.queries.length; query++) {
          signal.throwIfAborted();
          const row = parts.queries[query]!;
          const queryMs = performance.now();
          const { hits, mode } = await store.searchByVector(vectorOf(row), { k: count + 1, withoutMetadata: true });
          const ms = performance.now() - queryMs;
          if (mode === 'exact') exact++;
          const others = hits
            .map(({ image, similarity }) => ({ position: positions.get(image.id)!, similarity }))
            .filter(({ position }) => parts.gallery[position] !== row)
            .slice(0, count);
          yield {
            query,
            positions: others.map(({ position }) => position),
            similarities: others.map(({ similarity }) => similarity),
            ms,
          };
        }
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function databaseOf({ store, config }: HnswOptions): Config['database'] {
  if (store === 'memory') return { kind: 'memory' };
  if (config.database.kind === 'server') return config.database;
  throw new SemblanceError('BAD_USER_INPUT', 'A store on a server needs DATABASE_URL');
}

async function untilReady(store: Store): Promise<void> {
  for (;;) {
    const { state } = store;
    if (state.kind === 'ready') return;
    if (state.kind === 'unavailable') throw new SemblanceError('DATABASE_UNAVAILABLE', state.reason);
    await setTimeout(pollMs);
  }
}
