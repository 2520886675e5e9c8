import { createHash } from 'node:crypto';
import { imageIdOf } from '../../src/base/identity.js';
import { connectStore, type ConnectedStore } from '../../src/database/connected-store.js';
import { quoteIdentifier, type Schemas } from '../../src/database/identifiers.js';
import { migrate } from '../../src/database/setup/migrate.js';
import type { EmbeddingSpace, NewEmbeddingSpace, StoreKind } from '../../src/database/store.js';
import type { NewImage } from '../../src/database/types.js';
import { openTestDatabase, type TestDatabase } from './database.js';

export const testSpace: NewEmbeddingSpace = {
  name: 'test',
  model: 'test-model',
  modelSha256: 'a'.repeat(64),
  preprocessingSha256: 'b'.repeat(64),
  dimensions: 8,
};

export interface TestStore {
  readonly database: TestDatabase;
  readonly schemas: Schemas;
  readonly store: ConnectedStore;
  readonly space: EmbeddingSpace;
  /** Quoted name of an object in the store's schema, for statements of a test's own. */
  readonly name: (object: string) => string;
  close(): Promise<void>;
}

/** A migrated database of its own, with a space of `dimensions`. */
export async function openTestStore(kind: StoreKind, dimensions = testSpace.dimensions): Promise<TestStore> {
  const database = await openTestDatabase(kind);
  const { schemas } = await migrate({ pool: database.pool, schema: database.schema, apply: true });
  const store = connectStore(database.pool, schemas);
  return {
    database,
    schemas,
    store,
    space: await store.ensureSpace({ ...testSpace, dimensions }),
    name: (object) => `${quoteIdentifier(schemas.own)}.${quoteIdentifier(object)}`,
    close: async () => {
      await store.close();
      await database.close();
    },
  };
}

/** `testSpace.dimensions` numbers that hang on `text` alone. */
export function embeddingOf(text: string): Float32Array {
  const digest = createHash('sha256').update(text).digest();
  return Float32Array.from({ length: testSpace.dimensions }, (_, index) => (digest[index] ?? 0) - 127.5);
}

/** An image whose bytes are `text`; its embedding is drawn from them unless given. */
export function newImage(
  spaceId: number,
  text: string,
  { embedding, ...changes }: Partial<NewImage> & { readonly embedding?: Float32Array } = {},
): NewImage {
  const digest = createHash('sha256').update(text).digest();
  const sha256 = digest.toString('hex');
  return {
    id: imageIdOf(sha256),
    sha256,
    filename: `${text}.png`,
    mediaType: 'image/png',
    width: 3,
    height: 2,
    metadata: {},
    original: Buffer.from(text),
    thumbnail: Buffer.from(`thumbnail of ${text}`),
    grey: Buffer.alloc(4096, digest),
    embeddings: [{ spaceId, embedding: embedding ?? embeddingOf(text) }],
    ...changes,
  };
}
