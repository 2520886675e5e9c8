import { buildApp, type App } from '../app.js';
import type { Config } from '../base/config.js';
import { SemblanceError } from '../base/errors.js';
import type { Gallery } from './gallery.js';

/**
 * Opens database and model in this process.
 * @param options.needsModel false: goes on where the model is missing, for what works without it
 * @throws DataFolderInUseError, ConfigurationError, SemblanceError with the reason why it cannot serve
 */
export async function openApp(config: Config, options: { readonly needsModel: boolean }): Promise<App> {
  const app = await buildApp(config);
  try {
    await app.ready;
  } catch (error) {
    const modelMissing = error instanceof SemblanceError && error.code === 'MODEL_UNAVAILABLE';
    if (options.needsModel || !modelMissing) {
      await app.close();
      throw error;
    }
  }
  return app;
}

/** The gallery in this process. Throws as openApp. */
export async function openLocalGallery(config: Config, options: { readonly needsModel: boolean }): Promise<Gallery> {
  const app = await openApp(config, options);
  const { operations } = app;
  return {
    place: placeOf(config),
    existingIds: (ids) => operations.existingIds(ids),
    upload: (image) => operations.uploadImage({ ...image, priority: 'bulk' }),
    search: ({ filename: _, ...query }) => operations.searchByUpload(query),
    similar: (query) => operations.similarImages(query),
    findImage: (id) => operations.findImage(id),
    readThumbnail: (id) => operations.readThumbnail(id),
    stats: async () => {
      const [status, sizeBytes] = await Promise.all([operations.status(), operations.sizeBytes()]);
      return { ...status, sizeBytes };
    },
    methods: async () => {
      const { spaces, rerankers } = await operations.listMethods();
      // What a server of any age tells as well, so that scripts see the same through either door.
      return {
        spaces: spaces.map(({ name, model, description, dimensions, state, imageCount, regionCount, scorers }) => ({
          name,
          model,
          description,
          dimensions,
          state,
          imageCount,
          regionCount,
          scorers,
        })),
        rerankers,
      };
    },
    close: () => app.close(),
  };
}

function placeOf({ database, dataDir, schema }: Config): string {
  if (database.kind === 'embedded') return dataDir;
  return database.kind === 'memory' ? 'memory' : `${new URL(database.url).host}, schema ${schema}`;
}
