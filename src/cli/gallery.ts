import type { ImportTarget } from '../operations/import-images.js';
import type { SearchMode } from '../store/types.js';

/** What the commands show of an image. */
export interface GalleryImage {
  readonly id: string;
  readonly filename: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface GalleryAnswer {
  readonly space: string;
  readonly mode: SearchMode;
  /** Nearest first. */
  readonly hits: readonly { readonly image: GalleryImage; readonly similarity: number }[];
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
  close(): Promise<void>;
}
