import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { buildApp, type App } from '../../src/app.js';
import { loadConfig, type Config } from '../../src/base/config.js';
import { importImages } from '../../src/images/import/import-images.js';
import { benchFolder, dataset, imagesBelow } from './data.js';

export const galleryImages = 50_000;

/** The store of the benchmarks at scale: DATABASE_URL's server where it is set, else an embedded one that is kept. */
export function galleryConfig(): Config {
  return loadConfig({
    DATABASE_URL: process.env.DATABASE_URL,
    SEMBLANCE_DATA_DIR: join(benchFolder, 'cifar10-gallery'),
    SEMBLANCE_SCHEMA: 'semblance_bench',
  });
}

/** CIFAR-10's 50,000 training images under the default model. Filling it takes minutes; it goes on where it stopped. */
export async function openGallery(): Promise<App> {
  const files = (await imagesBelow(join(await dataset('cifar10'), 'train'))).slice(0, galleryImages);
  const app = await buildApp(galleryConfig());
  await app.ready;
  let done = 0;
  await importImages({
    sources: files.map((path) => ({ path, filename: basename(path), metadata: {}, read: () => readFile(path) })),
    target: {
      existingIds: (ids) => app.operations.existingIds(ids),
      upload: (image) => app.operations.uploadImage({ ...image, priority: 'bulk' }),
    },
    onEvent: () => {
      if (++done % 5_000 === 0) console.error(`${done} of ${files.length} images are in the gallery`);
    },
  });
  return app;
}
