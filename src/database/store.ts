import type { Scope } from '../base/config.js';
import type { ErrorCode } from '../base/errors.js';
import type {
  ImageFilter,
  ImagePage,
  ImageRecord,
  NewImage,
  RegionEmbedding,
  SearchOptions,
  SearchResult,
  VectorSearchOptions,
} from './types.js';

/** Which of the three places `DATABASE_URL` named. One driver and one SQL serve all three. */
export type StoreKind = 'embedded' | 'memory' | 'server';

export type StoreState =
  | { readonly kind: 'opening' }
  | { readonly kind: 'ready' }
  /** Tried again every `retryIntervalMs`; `reason` is for the operator. */
  | { readonly kind: 'unavailable'; readonly reason: string }
  | { readonly kind: 'closed' };

/**
 * Uploads are embedded for every space but the retired. `building`: images that were stored before it still lack an
 * embedding in it. `ready`: none does, so it may be searched by name. `active`: also searched where no space is named; one
 * space at most. `retired`: kept, and no longer up to date.
 */
export type SpaceState = 'building' | 'ready' | 'active' | 'retired';

/** One way to turn images into vectors that may be compared with each other. */
export interface EmbeddingSpace {
  readonly id: number;
  readonly name: string;
  /** A model's name, or the notation of a method that fits more than a model: see parseRecipe. */
  readonly model: string;
  /** Lower-case hex of the weights' SHA-256; of the fitted parts where the space is more than a model. */
  readonly modelSha256: string;
  /** Lower-case hex: SHA-256 of the manifest's preprocessing, pooling and output, canonically serialised. */
  readonly preprocessingSha256: string;
  readonly dimensions: number;
  readonly state: SpaceState;
}

export interface NewEmbeddingSpace extends Omit<EmbeddingSpace, 'id' | 'state'> {
  /** What was fitted, as fittedToJson writes it. None for a space that is a model and no more. */
  readonly fitted?: unknown;
  /** The job that makes it. */
  readonly jobId?: string | undefined;
}

export interface ListedSpace extends EmbeddingSpace {
  readonly createdAt: Date;
  /** The job that made it; undefined for one that was made otherwise. */
  readonly jobId: string | undefined;
  /** Images that have an embedding in it, and those that have none. */
  readonly imageCount: number;
  readonly missingCount: number;
  readonly regionCount: number;
}

export interface ActivatedSpace {
  /** The one that was active until now; undefined where this one was. */
  readonly former: EmbeddingSpace | undefined;
  /** Images without an embedding in the space that is active now: 0 unless forced. */
  readonly missing: number;
}

/** `queued` until a server has claimed it, `running` while one works on it; the other three have ended for good. */
export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

/** As clients may see it: no SQL, no stack and no path. */
export interface JobError {
  readonly code: ErrorCode | 'INTERNAL_SERVER_ERROR';
  readonly message: string;
}

/** `done` of `total` items of a stage; `total` is 0 where its end is not known. */
export interface JobProgress {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
}

export interface NewJob {
  /** A random UUID. */
  readonly id: string;
  readonly kind: string;
  /** An object, and JSON. */
  readonly input: unknown;
}

/** Long work that a client started: any server on the database may do it, and goes on where another has died. */
export interface JobRecord extends NewJob, JobProgress {
  readonly state: JobState;
  /** JSON, where it is `done`. */
  readonly result: unknown;
  /** Where it is `failed`. */
  readonly error: JobError | undefined;
  readonly createdAt: Date;
  readonly startedAt: Date | undefined;
  readonly finishedAt: Date | undefined;
}

export type JobOutcome =
  { readonly state: 'done'; readonly result: unknown } | { readonly state: 'failed'; readonly error: JobError };

export interface NewApiKey {
  /** 16 lower-case hexadecimal digits. No secret: it names the key. */
  readonly id: string;
  readonly name: string;
  readonly scope: Scope;
  /** Of the whole key. */
  readonly sha256: Buffer;
  readonly expiresAt: Date | undefined;
}

export interface ApiKeyRecord extends Omit<NewApiKey, 'sha256'> {
  readonly createdAt: Date;
  readonly revokedAt: Date | undefined;
}

/** What a learned similarity was trained for: see trainScorer. */
export type ScorerKind = 'heuristic' | 'labels';

/** The index that searches of a space go through: of whole images, or of their regions. */
export interface VectorIndex {
  readonly spaceId: number;
  readonly space: string;
  readonly kind: 'embedding' | 'region';
  readonly name: string;
  /** Unless `valid`, searches compare everything: slower, and no less right. */
  readonly state: 'valid' | 'invalid' | 'missing';
  /** Names of other kinds of indexes for the same order, which the planner may prefer: searches compare everything while there are some. */
  readonly competing: readonly string[];
  /** Names of indexes that a rebuild left when it was cut off: no search uses them, and every upload writes to them. */
  readonly unfinished: readonly string[];
}

/** Images drawn from those that two spaces both hold. */
export interface SharedSample {
  readonly stored: number;
  /** Images that each of the two holds. */
  readonly held: readonly [number, number];
  /** Images that both hold. */
  readonly shared: number;
  /** In an order that the seed decides. */
  readonly images: readonly {
    readonly id: string;
    readonly filename: string;
    /** `metadata.label`, where that is text. */
    readonly label: string | undefined;
    /** Other images of that label that both spaces hold. */
    readonly sameLabel: number;
  }[];
}

/**
 * Images and their embeddings in Postgres. Every method throws SemblanceError and nothing else: DATABASE_UNAVAILABLE
 * while the database cannot be reached, STORAGE_FULL where it has no room.
 */
export interface Store {
  readonly kind: StoreKind;
  readonly state: StoreState;
  /** Of the pool; `waiting` are statements. */
  readonly connections: { readonly total: number; readonly idle: number; readonly waiting: number };
  /** In the order of SEMBLANCE_READ_DATABASE_URLS; none without it. */
  readonly replicas: readonly { readonly up: boolean }[];
  /** Reads that may go to a replica, by who answered them. */
  readonly replicaReads: Readonly<Record<'replica' | 'primary', number>>;

  /** Undefined while the database is empty. */
  activeSpace(): Promise<EmbeddingSpace | undefined>;
  /** Makes the first space, unless another server did so first; answers the one that is active. */
  ensureSpace(space: NewEmbeddingSpace): Promise<EmbeddingSpace>;
  /** Those that an upload is embedded for: the active one first, then by id. One statement, without fitted parts. */
  liveSpaces(): Promise<readonly EmbeddingSpace[]>;
  /** All of them by id, and how many images each holds. */
  listSpaces(): Promise<readonly ListedSpace[]>;
  /**
   * Before work that ends in createSpace or removeSpace.
   * @throws SemblanceError FORBIDDEN where the database role may not make and drop tables; so do ensureSpace and those two
   */
  assertMayChangeSpaces(): Promise<void>;
  /** Makes a `building` space with its partition and index. CONFLICT where the name is taken. */
  createSpace(space: NewEmbeddingSpace): Promise<EmbeddingSpace>;
  /** What createSpace was given; undefined for a space that is a model and no more. It never changes. */
  readFitted(spaceId: number): Promise<unknown>;
  /** Turns a `building` space `ready` where no image lacks an embedding, in one transaction that no upload overlaps. */
  completeSpace(spaceId: number): Promise<{ readonly missing: number }>;
  /**
   * Makes a space the one that is searched where none is named, in one transaction that no upload overlaps. The former active
   * one goes on being filled, so that the step can be taken back. CONFLICT for a retired space, and, unless `force`, for one
   * that lacks images. Nothing happens to the one that is active.
   */
  activateSpace(spaceId: number, options: { readonly force: boolean }): Promise<ActivatedSpace>;
  /** From then on no upload is embedded for it and no search finds it. CONFLICT for the active one. */
  retireSpace(spaceId: number): Promise<void>;
  /** With its embeddings, regions and scorers. CONFLICT for the active one. False where there was none. */
  removeSpace(spaceId: number): Promise<boolean>;
  /** Ids of images without an embedding in the space, by id, those after `after`. */
  imagesWithoutEmbedding(
    spaceId: number,
    options: { readonly after?: string; readonly limit: number },
  ): Promise<readonly string[]>;
  /** Of every space, by its id. What is found broken goes to the operator's log, once. */
  listVectorIndexes(): Promise<readonly VectorIndex[]>;
  /**
   * Removes what was left unfinished, and builds it anew or for the first time. On a server searches and uploads go on meanwhile;
   * cut off by `signal` or an error, it leaves what was there before. False where the space was removed meanwhile. CONFLICT where
   * somebody else builds it; FORBIDDEN as assertMayChangeSpaces.
   * @param options.keepsSound a valid one stays as it is
   * @param options.onProgress blocks of the table that were read
   */
  rebuildVectorIndex(
    index: VectorIndex,
    options: {
      readonly keepsSound?: boolean;
      readonly signal?: AbortSignal | undefined;
      readonly onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined;
    },
  ): Promise<boolean>;
  /** What is there already stays, and an image that was deleted meanwhile is passed over. Answers how many were written. */
  insertEmbeddings(
    spaceId: number,
    embeddings: readonly { readonly imageId: string; readonly embedding: Float32Array }[],
  ): Promise<number>;
  /** Embeddings as the space gave them (norm × stored vector, cut to `dimensions`), of those ids that have one. */
  readEmbeddings(spaceId: number, ids: readonly string[]): Promise<ReadonlyMap<string, Float32Array>>;
  /** Draws `count` of the images that two spaces both hold, all where there are fewer. The same gallery and seed give the same. */
  sampleShared(
    spaceIds: readonly [number, number],
    options: { readonly count: number; readonly seed: number },
  ): Promise<SharedSample>;
  /** Those of `ids` that have an embedding in the space. */
  heldIn(spaceId: number, ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** Grey renditions of those of `ids` that have one as makeGrey makes it: images that an earlier version stored may have none. */
  readGreys(ids: readonly string[]): Promise<ReadonlyMap<string, Buffer>>;
  writeGrey(imageId: string, grey: Buffer): Promise<void>;

  /** In place of a former one of that kind. */
  saveScorer(spaceId: number, kind: ScorerKind, scorer: unknown): Promise<void>;
  readScorer(spaceId: number, kind: ScorerKind): Promise<unknown>;
  /** Which kinds each space has. */
  listScorers(): Promise<readonly { readonly spaceId: number; readonly kind: ScorerKind }[]>;

  /** Ids of images without regions in the space, by id, those after `after`. */
  imagesWithoutRegions(
    spaceId: number,
    options: { readonly after?: string; readonly limit: number },
  ): Promise<readonly string[]>;
  /** Writes all regions of one image in one transaction, unless it has some or was deleted meanwhile: false then. */
  insertRegions(spaceId: number, imageId: string, regions: readonly RegionEmbedding[]): Promise<boolean>;

  /**
   * One transaction: image row, bytes, renditions, embeddings. Where the same bytes are stored already nothing is written
   * and `created` is false. CONFLICT where `embeddings` are no longer those of the live spaces: embed again.
   */
  insertImage(image: NewImage): Promise<{ readonly image: ImageRecord; readonly created: boolean }>;
  /** What an upload asks before it works, in one statement: whether the image is stored, and liveSpaces. */
  findForUpload(
    id: string,
  ): Promise<{ readonly image: ImageRecord | undefined; readonly spaces: readonly EmbeddingSpace[] }>;
  findImage(id: string): Promise<ImageRecord | undefined>;
  listImages(options: {
    readonly first: number;
    readonly after?: string | undefined;
    readonly filter?: ImageFilter | undefined;
  }): Promise<ImagePage>;
  countImages(filter?: ImageFilter): Promise<number>;
  /** Undefined where there is none. */
  updateMetadata(id: string, metadata: Record<string, unknown>): Promise<ImageRecord | undefined>;
  /** False where there was none. */
  deleteImage(id: string): Promise<boolean>;
  readOriginal(id: string): Promise<{ readonly bytes: Buffer; readonly image: ImageRecord } | undefined>;
  readThumbnail(id: string): Promise<Buffer | undefined>;
  /** Those of `ids` that are stored. */
  existingIds(ids: readonly string[]): Promise<ReadonlySet<string>>;

  /** The k nearest to a stored image, itself left out. NOT_FOUND where there is no such image. */
  searchByImage(id: string, options: SearchOptions): Promise<SearchResult>;
  /** The k nearest to a vector of `embeddingDimensions` numbers or fewer; its norm does not matter. */
  searchByVector(vector: Float32Array, options: VectorSearchOptions): Promise<SearchResult>;
  /**
   * As searchByVector, over whole images and their regions: an image's similarity is that of its best part.
   * BAD_USER_INPUT where no image has regions in the space.
   */
  searchRegions(vector: Float32Array, options: VectorSearchOptions): Promise<SearchResult>;

  /** Deletes the oldest that have ended beyond `maxEndedJobs`. OVERLOADED where `maxOpenJobs` wait or run. */
  createJob(job: NewJob): Promise<JobRecord>;
  /**
   * The oldest that waits, or that its server no longer answers for, for `jobLeaseMs`: no two callers are given the same. One that
   * was begun `maxJobAttempts` times is failed instead.
   * @param owner a UUID of whoever works on it
   * @param kinds those that it knows: a job of a newer version is left to a newer server
   */
  claimJob(owner: string, kinds: readonly string[]): Promise<JobRecord | undefined>;
  /** Extends the lease and writes how far it is. False where the job is the caller's no more: it was cancelled, or taken over. */
  renewJob(id: string, owner: string, progress: JobProgress): Promise<boolean>;
  /**
   * Gives it back, so that any server goes on with it. False as renewJob.
   * @param error what it stumbled on: that counts as an attempt, and fails the job after the last. Without one it does not count
   */
  releaseJob(id: string, owner: string, error?: JobError): Promise<boolean>;
  /** False as renewJob. */
  finishJob(id: string, owner: string, outcome: JobOutcome): Promise<boolean>;
  /** At once, whoever works on it: that server finds out when it renews. One that has ended stays as it is. Undefined where there is none. */
  cancelJob(id: string): Promise<JobRecord | undefined>;
  /** Undefined where there is none. */
  findJob(id: string): Promise<JobRecord | undefined>;
  /** Newest first. */
  listJobs(first: number): Promise<readonly JobRecord[]>;
  /** Of all servers, the ended too that are kept. */
  countJobs(): Promise<readonly { readonly kind: string; readonly state: JobState; readonly count: number }[]>;

  createApiKey(key: NewApiKey): Promise<ApiKeyRecord>;
  /** `usable`: neither revoked nor expired, by the database's clock. Undefined where there is none. */
  findApiKey(
    id: string,
  ): Promise<{ readonly key: ApiKeyRecord; readonly sha256: Buffer; readonly usable: boolean } | undefined>;
  /** Oldest first, the revoked too. */
  listApiKeys(): Promise<readonly ApiKeyRecord[]>;
  /** One that was revoked already stays so. Undefined where there is none. */
  revokeApiKey(id: string): Promise<ApiKeyRecord | undefined>;
  /** What all servers on the database share under that name: `proposed` where there was none, else what was there. */
  ensureSecret(name: string, proposed: Buffer): Promise<Buffer>;

  /** For `stats`: bytes of the tables and indexes. */
  sizeBytes(): Promise<number>;
  /** Tells processes that find the embedded data folder in use where this one serves HTTP. Nothing on other stores. */
  recordServerUrl(url: string): Promise<void>;
  close(): Promise<void>;
}
