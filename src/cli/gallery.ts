import type { Region } from '../pixels/region.js';
import type { ImportTarget } from '../images/import/import-images.js';
import type { RerankMethod, SpaceListing } from '../spaces/list-methods.js';
import type { RerankerName } from '../methods/rerank/reranker.js';
import type { SearchMode } from '../database/types.js';

/** What the commands show of an image. */
export interface GalleryImage {
  readonly id: string;
  readonly filename: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface GalleryHit {
  readonly image: GalleryImage;
  readonly similarity: number;
  /** The re-ranker's, where one was asked for; a ratio at distance 0 is Infinity, or the largest number over GraphQL. */
  readonly score?: number | undefined;
  /** The part that matched; none where the whole image did. */
  readonly region?: Region | undefined;
}

export interface GalleryAnswer {
  readonly space: string;
  readonly mode: SearchMode;
  readonly rerank?: RerankerName | undefined;
  /** Nearest first. */
  readonly hits: readonly GalleryHit[];
}

export interface GalleryMethods {
  readonly spaces: readonly Omit<
    SpaceListing,
    'id' | 'modelSha256' | 'preprocessingSha256' | 'createdAt' | 'jobId' | 'missingCount'
  >[];
  readonly rerankers: readonly RerankMethod[];
}

export interface GalleryStats {
  readonly imageCount: number;
  readonly activeSpace: string;
  readonly model: string;
  readonly dimensions: number;
  readonly store: 'embedded' | 'memory' | 'server';
  /** Of tables and indexes; undefined where a server does not tell. */
  readonly sizeBytes: number | undefined;
}

export interface GallerySearch {
  readonly k: number;
  readonly minSimilarity?: number | undefined;
  readonly space?: string | undefined;
  readonly rerank?: RerankerName | undefined;
  readonly candidates?: number | undefined;
  /** The part of the query to search for. */
  readonly region?: Region | undefined;
  readonly searchRegions?: boolean | undefined;
}

/**
 * The one door of the commands to a gallery: operations in this process, or a server over its public GraphQL. Both throw
 * SemblanceError.
 */
export interface Gallery extends ImportTarget {
  /** For people: where it is. */
  readonly place: string;
  search(query: GallerySearch & { readonly bytes: Buffer; readonly filename: string }): Promise<GalleryAnswer>;
  similar(query: GallerySearch & { readonly imageId: string }): Promise<GalleryAnswer>;
  /** Undefined where there is none. */
  findImage(id: string): Promise<GalleryImage | undefined>;
  /** WebP. Undefined where there is none. */
  readThumbnail(id: string): Promise<Buffer | undefined>;
  stats(): Promise<GalleryStats>;
  methods(): Promise<GalleryMethods>;
  close(): Promise<void>;
}
