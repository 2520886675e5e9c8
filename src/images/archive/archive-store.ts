import { connectStore, type ConnectedStore } from '../../database/connected-store.js';
import { openDatabase } from '../../database/database.js';
import { toLoggedStoreError, toStoreError } from '../../database/errors.js';
import { insertStoredImage, withSnapshot, type GallerySnapshot, type StoredImage } from './archive-sql.js';
import { migrate } from '../../database/setup/migrate.js';
import type { StoreOptions } from '../../database/open-store.js';

/** The database itself, for a move of all that is in it. No model is loaded, and no first space made. */
export interface ArchiveStore {
  /** Runs `work` on the store's methods. */
  run<T>(work: (store: ConnectedStore) => Promise<T>): Promise<T>;
  /** See withSnapshot. */
  snapshot<T>(work: (snapshot: GallerySnapshot) => Promise<T>): Promise<T>;
  /** See insertStoredImage. */
  insertImage(image: StoredImage): Promise<{ readonly created: boolean }>;
  close(): Promise<void>;
}

/**
 * @throws ConfigurationError where another process holds the embedded data folder, or the database is not set up and may not be;
 * SemblanceError DATABASE_UNAVAILABLE
 */
export async function openArchiveStore(options: StoreOptions): Promise<ArchiveStore> {
  const database = await openDatabase(options);
  const { pool, adminPool, schema } = database;
  const onLog = options.onLog ?? console.error;
  try {
    const { schemas } = await migrate({ pool, adminPool, schema, apply: options.autoMigrate });
    const store = connectStore(pool, schemas, adminPool);
    const translated = async <T>(work: Promise<T>): Promise<T> => {
      try {
        return await work;
      } catch (error) {
        throw toLoggedStoreError(error, onLog);
      }
    };
    return {
      run: (work) => translated(work(store)),
      snapshot: (work) => translated(withSnapshot(pool, schemas, work)),
      insertImage: (image) => translated(insertStoredImage(pool, schemas, image)),
      close: async () => {
        await store.close();
        await database.close();
      },
    };
  } catch (error) {
    await database.close();
    throw toStoreError(error);
  }
}
