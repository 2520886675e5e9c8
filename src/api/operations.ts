import { randomBytes } from 'node:crypto';
import { SemblanceError } from '../base/errors.js';
import { makeRendition } from '../pixels/renditions.js';
import type { ApiKeyRecord } from '../database/store.js';
import type { ImageFilter, ImagePage, ImageRecord, Metadata } from '../database/types.js';
import { ApiKeyVerifier, createApiKey, revokeApiKey, type CreatedKey, type NewKeyInput } from '../access/api-keys.js';
import { checkFilter, checkId, checkMetadata, checkPageSize } from '../base/arguments.js';
import type { OperationsContext } from '../spaces/context.js';
import { searchByUpload, type UploadSearchInput } from '../search/search-by-upload.js';
import { similarImages, type SimilarImagesInput } from '../search/similar-images.js';
import type { SearchAnswer } from '../search/search-answer.js';
import { activateSpace, retireSpace, type ActivateSpaceInput, type SpaceActivation } from '../spaces/activate-space.js';
import { backfillSpace, type BackfillSpaceInput, type BackfilledSpace } from '../spaces/backfill-space.js';
import { compareSpaces, type CompareSpacesInput, type SpaceComparison } from '../spaces/compare/compare-spaces.js';
import { createSpace, type CreatedSpace, type CreateSpaceInput } from '../spaces/create-space.js';
import { indexRegions, type IndexedRegions, type IndexRegionsInput } from '../search/index-regions.js';
import { listMethods, type SearchMethods } from '../spaces/list-methods.js';
import { trainScorer, type TrainedScorer, type TrainScorerInput } from '../search/train-scorer.js';
import { requireFound } from '../base/require-found.js';
import { toJob, type Job } from './jobs/requests.js';
import type { JobRunner } from '../jobs/runner.js';
import { startJob, type JobOrder } from './jobs/start-job.js';
import { reindex, type Reindexed, type ReindexInput } from '../spaces/reindex.js';
import { removeSpace } from '../spaces/remove-space.js';
import { readHealth, readStatus, type Health, type ServerStatus } from './status/status.js';
import { uploadImage, type UploadInput, type UploadOutcome } from '../images/upload-image.js';

export interface ListInput {
  readonly first: number;
  readonly after?: string | undefined;
  readonly filter?: ImageFilter | undefined;
}

/** All that the product does. GraphQL, HTTP and the command line are doors to it and check no argument themselves. */
export interface Operations {
  uploadImage(input: UploadInput): Promise<UploadOutcome>;
  similarImages(input: SimilarImagesInput): Promise<SearchAnswer>;
  searchByUpload(input: UploadSearchInput): Promise<SearchAnswer>;
  /** Undefined where there is none; so for every reader below. */
  findImage(id: string): Promise<ImageRecord | undefined>;
  listImages(input: ListInput): Promise<ImagePage>;
  countImages(filter?: ImageFilter): Promise<number>;
  /** NOT_FOUND where there is none. */
  updateImage(input: { readonly id: string; readonly metadata: unknown }): Promise<ImageRecord>;
  /** NOT_FOUND where there is none. Answers the id. */
  deleteImage(id: string): Promise<string>;
  readOriginal(id: string): Promise<{ readonly bytes: Buffer; readonly image: ImageRecord } | undefined>;
  readThumbnail(id: string): Promise<Buffer | undefined>;
  /** `signal`: who left costs no decode. */
  readRendition(id: string, signal?: AbortSignal): Promise<Buffer | undefined>;
  existingIds(ids: readonly string[]): Promise<ReadonlySet<string>>;
  status(): Promise<ServerStatus>;
  /** The spaces that searches may name, and the re-rankers. */
  listMethods(): Promise<SearchMethods>;
  /** Fits a space on stored images. BAD_USER_INPUT says what is wrong; CONFLICT where the name is taken. */
  createSpace(input: CreateSpaceInput): Promise<CreatedSpace>;
  /** Embeds the stored images that a space lacks, and makes a `building` one `ready`. Run again, it goes on. */
  backfillSpace(input: BackfillSpaceInput): Promise<BackfilledSpace>;
  /** Makes it the one that is searched where none is named. CONFLICT where it lacks images, unless forced. */
  activateSpace(input: ActivateSpaceInput): Promise<SpaceActivation>;
  /** Uploads are embedded for it no more. NOT_FOUND where there is none, CONFLICT for the active one. Answers its name. */
  retireSpace(name: string): Promise<string>;
  /** NOT_FOUND where there is none, CONFLICT for the active one. Answers its name. */
  removeSpace(name: string): Promise<string>;
  /** How the results of two spaces differ, on a sample of the images that both hold. */
  compareSpaces(input: CompareSpacesInput): Promise<SpaceComparison>;
  trainScorer(input: TrainScorerInput): Promise<TrainedScorer>;
  /** Embeds parts of every stored image that has none. Run again, it goes on. */
  indexRegions(input: IndexRegionsInput): Promise<IndexedRegions>;
  /** Builds the vector indexes that are missing or invalid. Run again, it goes on. */
  reindex(input: ReindexInput): Promise<Reindexed>;
  /** Begins it and answers at once; it outlives this server. OVERLOADED where `maxOpenJobs` wait or run. */
  startJob(order: JobOrder): Promise<Job>;
  findJob(id: string): Promise<Job | undefined>;
  /** Newest first. */
  listJobs(first: number): Promise<readonly Job[]>;
  /** What it has written stays. One that has ended stays as it is. NOT_FOUND where there is none. */
  cancelJob(id: string): Promise<Job>;
  /** The key itself is seen this once. */
  createApiKey(input: NewKeyInput): Promise<CreatedKey>;
  /** Oldest first, the revoked too. */
  listApiKeys(): Promise<readonly ApiKeyRecord[]>;
  /** Every server refuses it within `apiKeyRecheckMs`. NOT_FOUND where there is none. */
  revokeApiKey(id: string): Promise<ApiKeyRecord>;
  readonly apiKeys: Pick<ApiKeyVerifier, 'verify' | 'isKnown'>;
  /** What the servers on the database sign links with. */
  linkSecret(): Promise<Buffer>;
  sizeBytes(): Promise<number>;
  health(): Promise<Health>;
}

/** @param runner of this process, if it works on jobs */
export function createOperations(context: OperationsContext, runner?: Pick<JobRunner, 'wake' | 'stop'>): Operations {
  const { store, decoder } = context;
  return {
    uploadImage: (input) => uploadImage(context, input),
    similarImages: (input) => similarImages(context, input),
    searchByUpload: (input) => searchByUpload(context, input),
    findImage: async (id) => store.findImage(checkId(id)),
    listImages: async ({ first, after, filter }) =>
      store.listImages({ first: checkPageSize(first), after, filter: checkFilter(filter) }),
    countImages: async (filter) => store.countImages(checkFilter(filter)),
    updateImage: async ({ id, metadata }) => {
      const checked: Metadata = checkMetadata(metadata);
      return requireFound(await store.updateMetadata(checkId(id), checked), id);
    },
    deleteImage: async (id) => {
      const checked = checkId(id);
      requireFound((await store.deleteImage(checked)) || undefined, id);
      return checked;
    },
    readOriginal: async (id) => store.readOriginal(checkId(id)),
    readThumbnail: async (id) => store.readThumbnail(checkId(id)),
    readRendition: async (id, signal) => {
      const checked = checkId(id);
      decoder.assertRoom('query');
      const original = await store.readOriginal(checked);
      return original && decoder.use(original.bytes, 'query', makeRendition, signal);
    },
    existingIds: async (ids) => store.existingIds(ids.map((id) => checkId(id))),
    status: () => readStatus(context),
    listMethods: () => listMethods(context),
    createSpace: (input) => createSpace(context, input),
    backfillSpace: (input) => backfillSpace(context, input),
    activateSpace: (input) => activateSpace(context, input),
    retireSpace: (name) => retireSpace(context, name),
    removeSpace: (name) => removeSpace(context, name),
    compareSpaces: (input) => compareSpaces(context, input),
    trainScorer: (input) => trainScorer(context, input),
    indexRegions: (input) => indexRegions(context, input),
    reindex: (input) => reindex(context, input),
    startJob: async (order) => {
      const job = await startJob(context, order);
      runner?.wake();
      return job;
    },
    findJob: async (id) => {
      const job = await store.findJob(checkId(id));
      return job && toJob(job);
    },
    listJobs: async (first) => (await store.listJobs(checkPageSize(first))).flatMap((job) => toJob(job) ?? []),
    cancelJob: async (id) => {
      const checked = checkId(id);
      const found = await store.cancelJob(checked);
      if (found?.state === 'cancelled') runner?.stop(checked);
      const job = found && toJob(found);
      if (job === undefined) throw new SemblanceError('NOT_FOUND', `There is no job ${checked}`);
      return job;
    },
    createApiKey: (input) => createApiKey(store, input),
    listApiKeys: () => store.listApiKeys(),
    revokeApiKey: (id) => revokeApiKey(store, id),
    apiKeys: new ApiKeyVerifier(store),
    linkSecret: () => store.ensureSecret('links', randomBytes(32)),
    sizeBytes: () => store.sizeBytes(),
    health: () => readHealth(context),
  };
}
