import { PrismaPg } from '@prisma/adapter-pg';
import type pg from 'pg';
import type { MediaType } from '../image/decoded-image.js';
import { findForUpload, insertImage, readOriginal, readThumbnail } from './content.js';
import { PrismaClient, type Image } from './generated/client.js';
import type { InputJsonObject } from './generated/internal/prismaNamespace.js';
import type { Schemas } from './identifiers.js';
import { countImages, deleteImage, existingIds, listImages, sizeBytes } from './images.js';
import { search } from './search.js';
import { ensureSpace } from './spaces.js';
import type { Store } from './store.js';
import type { ImageRecord } from './types.js';

/** The store's methods on a database that is there and migrated. They throw the driver's errors as they come. */
export interface ConnectedStore extends Omit<Store, 'kind' | 'state' | 'recordServerUrl'> {
  readonly schemas: Schemas;
}

/** Single rows go through Prisma; transactions, bytes, filters and searches through pg, on the same pool. */
export function connectStore(pool: pg.Pool, schemas: Schemas): ConnectedStore {
  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool, { schema: schemas.own, disposeExternalPool: false }),
  });
  return {
    schemas,
    activeSpace: async () => {
      const space = await prisma.embeddingSpace.findFirst({
        where: { state: 'active' },
        select: { id: true, name: true, model: true, modelSha256: true, preprocessingSha256: true, dimensions: true },
      });
      return space ?? undefined;
    },
    ensureSpace: async (space) => ensureSpace(pool, schemas, space),
    insertImage: async (image) => insertImage(pool, schemas, image),
    findForUpload: async (id) => findForUpload(pool, schemas, id),
    findImage: async (id) => {
      const image = await prisma.image.findUnique({ where: { id } });
      return image === null ? undefined : toRecord(image);
    },
    listImages: async (options) => listImages(pool, schemas, options),
    countImages: async (filter) => (filter === undefined ? prisma.image.count() : countImages(pool, schemas, filter)),
    updateMetadata: async (id, metadata) => {
      const [image] = await prisma.image.updateManyAndReturn({
        where: { id },
        data: { metadata: metadata as InputJsonObject },
      });
      return image === undefined ? undefined : toRecord(image);
    },
    deleteImage: async (id) => deleteImage(pool, schemas, id),
    readOriginal: async (id) => readOriginal(pool, schemas, id),
    readThumbnail: async (id) => readThumbnail(pool, schemas, id),
    existingIds: async (ids) => existingIds(pool, schemas, ids),
    searchByImage: async (id, options) => search(pool, schemas, { imageId: id }, options),
    searchByVector: async (vector, options) => search(pool, schemas, { vector }, options),
    sizeBytes: async () => sizeBytes(pool, schemas),
    close: async () => prisma.$disconnect(),
  };
}

/** The columns' CHECKs and insertImage's types hold what Prisma's own types cannot. */
function toRecord(image: Image): ImageRecord {
  return { ...image, mediaType: image.mediaType as MediaType, metadata: image.metadata as ImageRecord['metadata'] };
}
