import { PrismaPg } from '@prisma/adapter-pg';
import type pg from 'pg';
import { SemblanceError } from '../base/errors.js';
import type { MediaType } from '../pixels/decode/decoded-image.js';
import { createApiKey, ensureSecret, findApiKey, listApiKeys, revokeApiKey } from '../access/api-key-sql.js';
import { findForUpload, insertImage, readOriginal, readThumbnail } from '../images/sql/content-sql.js';
import { imagesWithout, insertEmbeddings, readEmbeddings } from '../spaces/sql/embedding-sql.js';
import { toStoreError } from './errors.js';
import { PrismaClient, type Image } from './generated/client.js';
import { readGreys, writeGrey } from '../images/sql/grey-sql.js';
import type { Schemas } from './identifiers.js';
import {
  countImages,
  deleteImage,
  existingIds,
  listImages,
  sizeBytes,
  updateMetadata,
} from '../images/sql/image-sql.js';
import {
  cancelJob,
  claimJob,
  countJobs,
  createJob,
  findJob,
  finishJob,
  listJobs,
  releaseJob,
  renewJob,
} from '../jobs/job-sql.js';
import { listVectorIndexes } from './indexes/indexes.js';
import { rebuildVectorIndex } from './indexes/rebuild-index.js';
import { insertRegions } from '../search/sql/region-sql.js';
import { requirePartitionRights } from './setup/rights.js';
import { listScorers, readScorer, saveScorer } from '../search/sql/scorer-sql.js';
import { search, searchRegions } from '../search/sql/search-sql.js';
import { heldIn, sampleShared } from '../spaces/compare/shared-images-sql.js';
import { activateSpace, completeSpace, removeSpace, retireSpace } from '../spaces/sql/space-state-sql.js';
import { createSpace, ensureSpace, listSpaces, liveSpaces, readFitted } from '../spaces/sql/space-sql.js';
import { isServer } from './connections/pool.js';
import type { Store } from './store.js';
import type { ImageRecord } from './types.js';

/** The store's methods on a database that is there and migrated. They throw the driver's errors as they come. */
export interface ConnectedStore extends Omit<
  Store,
  'kind' | 'state' | 'connections' | 'replicas' | 'replicaReads' | 'recordServerUrl'
> {
  readonly schemas: Schemas;
}

/**
 * What reads a single row goes through Prisma; transactions, bytes, filters and searches through pg, on the same pool. What makes or drops
 * tables goes through `adminPool`.
 */
export function connectStore(pool: pg.Pool, schemas: Schemas, adminPool = pool): ConnectedStore {
  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool, { schema: schemas.own, disposeExternalPool: false }),
  });
  const asAdmin = async <T>(work: (pool: pg.Pool) => Promise<T>): Promise<T> => {
    try {
      return await work(adminPool);
    } catch (error) {
      const translated = toStoreError(error);
      if (adminPool === pool || !(translated instanceof SemblanceError) || translated.code !== 'DATABASE_UNAVAILABLE') {
        throw error;
      }
      throw new SemblanceError(translated.code, `SEMBLANCE_ADMIN_DATABASE_URL: ${translated.message}`, {
        cause: error,
      });
    }
  };
  return {
    schemas,
    activeSpace: async () => {
      const space = await prisma.embeddingSpace.findFirst({
        where: { state: 'active' },
        select: { id: true, name: true, model: true, modelSha256: true, preprocessingSha256: true, dimensions: true },
      });
      return space === null ? undefined : { ...space, state: 'active' };
    },
    ensureSpace: async (space) => asAdmin((admin) => ensureSpace(admin, schemas, space)),
    assertMayChangeSpaces: async () =>
      asAdmin((admin) => requirePartitionRights(admin, schemas, 'No embedding space can be made or removed')),
    liveSpaces: async () => liveSpaces(pool, schemas),
    listSpaces: async () => listSpaces(pool, schemas),
    createSpace: async (space) => asAdmin((admin) => createSpace(admin, schemas, space)),
    readFitted: async (spaceId) => readFitted(pool, schemas, spaceId),
    completeSpace: async (spaceId) => completeSpace(pool, schemas, spaceId),
    activateSpace: async (spaceId, options) => activateSpace(pool, schemas, spaceId, options),
    retireSpace: async (spaceId) => retireSpace(pool, schemas, spaceId),
    removeSpace: async (spaceId) => asAdmin((admin) => removeSpace(admin, schemas, spaceId)),
    imagesWithoutEmbedding: async (spaceId, options) => imagesWithout('embedding', pool, schemas, spaceId, options),
    insertEmbeddings: async (spaceId, embeddings) => insertEmbeddings(pool, schemas, spaceId, embeddings),
    readEmbeddings: async (spaceId, ids) => readEmbeddings(pool, schemas, spaceId, ids),
    sampleShared: async (spaceIds, options) => sampleShared(pool, schemas, spaceIds, options),
    heldIn: async (spaceId, ids) => heldIn(pool, schemas, spaceId, ids),
    readGreys: async (ids) => readGreys(pool, schemas, ids),
    writeGrey: async (imageId, grey) => writeGrey(pool, schemas, imageId, grey),
    saveScorer: async (spaceId, kind, scorer) => saveScorer(pool, schemas, spaceId, kind, scorer),
    readScorer: async (spaceId, kind) => readScorer(pool, schemas, spaceId, kind),
    listScorers: async () => listScorers(pool, schemas),
    imagesWithoutRegions: async (spaceId, options) => imagesWithout('region', pool, schemas, spaceId, options),
    insertRegions: async (spaceId, imageId, regions) => insertRegions(pool, schemas, spaceId, imageId, regions),
    insertImage: async (image) => insertImage(pool, schemas, image),
    findForUpload: async (id) => findForUpload(pool, schemas, id),
    findImage: async (id) => {
      const image = await prisma.image.findUnique({ where: { id } });
      return image === null ? undefined : toRecord(image);
    },
    listImages: async (options) => listImages(pool, schemas, options),
    countImages: async (filter) => (filter === undefined ? prisma.image.count() : countImages(pool, schemas, filter)),
    updateMetadata: async (id, metadata) => updateMetadata(pool, schemas, id, metadata),
    deleteImage: async (id) => deleteImage(pool, schemas, id),
    readOriginal: async (id) => readOriginal(pool, schemas, id),
    readThumbnail: async (id) => readThumbnail(pool, schemas, id),
    existingIds: async (ids) => existingIds(pool, schemas, ids),
    searchByImage: async (id, options) => search(pool, schemas, { imageId: id }, options),
    searchByVector: async (vector, options) => search(pool, schemas, { vector, except: options.except }, options),
    searchRegions: async (vector, options) => searchRegions(pool, schemas, { vector, except: options.except }, options),
    createJob: async (job) => createJob(pool, schemas, job),
    claimJob: async (owner, kinds) => claimJob(pool, schemas, owner, kinds),
    renewJob: async (id, owner, progress) => renewJob(pool, schemas, id, owner, progress),
    releaseJob: async (id, owner, error) => releaseJob(pool, schemas, id, owner, error),
    finishJob: async (id, owner, outcome) => finishJob(pool, schemas, id, owner, outcome),
    cancelJob: async (id) => cancelJob(pool, schemas, id),
    findJob: async (id) => findJob(pool, schemas, id),
    listJobs: async (first) => listJobs(pool, schemas, first),
    countJobs: async () => countJobs(pool, schemas),
    createApiKey: async (key) => createApiKey(pool, schemas, key),
    findApiKey: async (id) => findApiKey(pool, schemas, id),
    listApiKeys: async () => listApiKeys(pool, schemas),
    revokeApiKey: async (id) => revokeApiKey(pool, schemas, id),
    ensureSecret: async (name, proposed) => ensureSecret(pool, schemas, name, proposed),
    listVectorIndexes: async () => listVectorIndexes(pool, schemas),
    rebuildVectorIndex: async (index, options) =>
      asAdmin((admin) => rebuildVectorIndex(admin, schemas, index, { ...options, concurrently: isServer(pool) })),
    sizeBytes: async () => sizeBytes(pool, schemas),
    close: async () => prisma.$disconnect(),
  };
}

/** The columns' CHECKs and insertImage's types hold what Prisma's own types cannot. */
function toRecord(image: Image): ImageRecord {
  return { ...image, mediaType: image.mediaType as MediaType, metadata: image.metadata as ImageRecord['metadata'] };
}
