import { checkId, checkMetadata, checkPageSize } from '../base/arguments.js';
import { requireFound } from '../base/require-found.js';
import type { ImageFilter, ImagePage, ImageRecord } from '../database/types.js';
import { makeRendition } from '../pixels/renditions.js';
import type { OperationsContext } from '../spaces/context.js';
import { checkFilter } from './check-filter.js';
import { uploadImage, type UploadInput, type UploadOutcome } from './upload-image.js';

export interface ListInput {
  readonly first: number;
  readonly after?: string | undefined;
  readonly filter?: ImageFilter | undefined;
}

export interface ImageOperations {
  uploadImage(input: UploadInput): Promise<UploadOutcome>;
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
}

export function createImageOperations(context: OperationsContext): ImageOperations {
  const { store, decoder } = context;
  return {
    uploadImage: (input) => uploadImage(context, input),
    findImage: async (id) => store.findImage(checkId(id)),
    listImages: async ({ first, after, filter }) =>
      store.listImages({ first: checkPageSize(first), after, filter: checkFilter(filter) }),
    countImages: async (filter) => store.countImages(checkFilter(filter)),
    updateImage: async ({ id, metadata }) => {
      const checked = checkMetadata(metadata);
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
  };
}
