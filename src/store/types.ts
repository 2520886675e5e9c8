import type { MediaType } from '../image/decoded-image.js';

export type Metadata = Readonly<Record<string, unknown>>;

export interface ImageRecord {
  /** UUIDv8 of the first bits of the SHA-256: the same bytes have the same id everywhere. */
  readonly id: string;
  readonly sha256: string;
  readonly filename: string;
  readonly mediaType: MediaType;
  /** Pixels, after orientation. */
  readonly width: number;
  readonly height: number;
  readonly byteSize: number;
  readonly metadata: Metadata;
  /** To the millisecond. */
  readonly createdAt: Date;
}

export interface NewImage {
  readonly id: string;
  readonly sha256: string;
  readonly filename: string;
  readonly mediaType: MediaType;
  readonly width: number;
  readonly height: number;
  readonly metadata: Metadata;
  readonly original: Buffer;
  readonly thumbnail: Buffer;
  /** The space that `embedding` was made for. */
  readonly spaceId: number;
  /** As the model gave it, `dimensions` of the space long; finite, norm above `minEmbeddingNorm`. */
  readonly embedding: Float32Array;
}

/** Keeps an image where every field that is given holds. */
export interface ImageFilter {
  /** JSON containment. */
  readonly metadata?: Metadata | undefined;
  /** Case-insensitive substring; no character is a wildcard. */
  readonly filenameContains?: string | undefined;
  readonly sha256?: string | undefined;
  /** Both bounds inclusive. */
  readonly createdAfter?: Date | undefined;
  readonly createdBefore?: Date | undefined;
}

export interface ImagePage {
  /** Newest first; equal times by id. */
  readonly edges: readonly { readonly cursor: string; readonly node: ImageRecord }[];
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
}

export interface SearchOptions {
  readonly k: number;
  readonly minSimilarity?: number | undefined;
  readonly filter?: ImageFilter | undefined;
}

/** `hnsw`: the approximate index answered. `exact`: every candidate was compared. */
export type SearchMode = 'hnsw' | 'exact';

export interface SearchResult {
  readonly space: string;
  readonly mode: SearchMode;
  readonly databaseMs: number;
  /** Nearest first, equal similarities by id. */
  readonly hits: readonly { readonly image: ImageRecord; readonly similarity: number }[];
}
