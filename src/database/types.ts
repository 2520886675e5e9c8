import type { MediaType } from '../pixels/decode/decoded-image.js';
import type { Region } from '../pixels/region.js';

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
  /** `greySidePixels` squared, row-major: see makeGrey. */
  readonly grey: Buffer;
  /** One for each live space: see Store.liveSpaces. */
  readonly embeddings: readonly SpaceEmbedding[];
}

export interface SpaceEmbedding {
  readonly spaceId: number;
  /** As the space gave it, `dimensions` of the space long; finite, norm above `minEmbeddingNorm`. */
  readonly embedding: Float32Array;
}

/** A part of an image and what a space gives for it. */
export interface RegionEmbedding {
  readonly region: Region;
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
  /** Id of a live space; the active one unless given. */
  readonly spaceId?: number | undefined;
  /** Leaves the metadata of what is found in the database: a thousand rows of it can be 8 MB. Then its records have none to read. */
  readonly withoutMetadata?: boolean | undefined;
}

export interface VectorSearchOptions extends SearchOptions {
  /** Id of an image that is left out: the one whose part is searched for. */
  readonly except?: string | undefined;
}

/** `hnsw`: the approximate index answered. `exact`: every candidate was compared. */
export type SearchMode = 'hnsw' | 'exact';

export interface SearchResult {
  readonly space: string;
  readonly mode: SearchMode;
  readonly databaseMs: number;
  /** Nearest first, equal similarities by id. */
  readonly hits: readonly SearchHit[];
}

export interface SearchHit {
  readonly image: ImageRecord;
  /** Cosine, -1 to 1. */
  readonly similarity: number;
  /** Where regions were searched: the one that matched best; undefined where the whole image did. */
  readonly region?: Region | undefined;
}
