import type { ImageFilter, ImagePage, ImageRecord, NewImage, SearchOptions, SearchResult } from './types.js';

/** Which of the three places `DATABASE_URL` named. One driver and one SQL serve all three. */
export type StoreKind = 'embedded' | 'memory' | 'server';

export type StoreState =
  | { readonly kind: 'opening' }
  | { readonly kind: 'ready' }
  /** Tried again every `retryIntervalMs`; `reason` is for the operator. */
  | { readonly kind: 'unavailable'; readonly reason: string }
  | { readonly kind: 'closed' };

/** The embedding space that searches use. */
export interface EmbeddingSpace {
  readonly id: number;
  readonly name: string;
  readonly model: string;
  /** Lower-case hex of the weights' SHA-256. */
  readonly modelSha256: string;
  /** Lower-case hex: SHA-256 of the manifest's preprocessing, pooling and output, canonically serialised. */
  readonly preprocessingSha256: string;
  readonly dimensions: number;
}

/** What a first start writes as the first space of an empty database. */
export type NewEmbeddingSpace = Omit<EmbeddingSpace, 'id'>;

/**
 * Images and their embeddings in Postgres. Every method throws SemblanceError and nothing else: DATABASE_UNAVAILABLE
 * while the database cannot be reached, STORAGE_FULL where it has no room.
 */
export interface Store {
  readonly kind: StoreKind;
  readonly state: StoreState;

  /** Undefined while the database is empty. */
  activeSpace(): Promise<EmbeddingSpace | undefined>;
  /** Makes the first space, unless another server did so first; answers the one that is active. */
  ensureSpace(space: NewEmbeddingSpace): Promise<EmbeddingSpace>;

  /**
   * One transaction: image row, bytes, thumbnail, embedding. Where the same bytes are stored already nothing is written
   * and `created` is false. CONFLICT where `spaceId` is no longer the set to write: embed again.
   */
  insertImage(image: NewImage): Promise<{ readonly image: ImageRecord; readonly created: boolean }>;
  /** What an upload asks before it works, in one statement: whether the image is stored, and the active space. */
  findForUpload(
    id: string,
  ): Promise<{ readonly image: ImageRecord | undefined; readonly space: EmbeddingSpace | undefined }>;
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
  searchByVector(vector: Float32Array, options: SearchOptions): Promise<SearchResult>;

  /** For `stats`: bytes of the tables and indexes. */
  sizeBytes(): Promise<number>;
  /** Tells processes that find the embedded data folder in use where this one serves HTTP. Nothing on other stores. */
  recordServerUrl(url: string): Promise<void>;
  close(): Promise<void>;
}
