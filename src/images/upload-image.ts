import { SemblanceError } from '../base/errors.js';
import { cleanFilename } from '../pixels/filename.js';
import { imageIdOf } from '../base/identity.js';
import { makeGrey } from '../pixels/grey.js';
import type { Priority } from '../base/concurrency/priority.js';
import { makeThumbnail } from '../pixels/renditions.js';
import { RefusedByRuleError } from '../database/errors.js';
import type { EmbeddingSpace, Store } from '../database/store.js';
import type { ImageRecord } from '../database/types.js';
import { checkMetadata } from '../base/arguments.js';
import type { ByteHold } from '../base/concurrency/byte-budget.js';
import type { OperationsContext } from '../spaces/context.js';
import { readUpload, type UploadBytes } from './read-upload.js';
import { areGone, liveSpaces, requireEncodable } from '../spaces/spaces.js';

export interface UploadInput {
  readonly bytes: UploadBytes;
  readonly filename: string;
  readonly metadata?: unknown;
  readonly priority: Priority;
  readonly signal?: AbortSignal | undefined;
}

export interface UploadOutcome {
  readonly image: ImageRecord;
  /** False where the same bytes were stored already; nothing was written then. */
  readonly created: boolean;
}

/** An upload embeds again when the spaces changed under it; more changes than this within one upload is no accident. */
const maxAttempts = 5;

/**
 * Stores an image with its renditions and one embedding for each live space, in one transaction at the very end: no failure leaves a part of it.
 * Idempotent: the same bytes are one image.
 * @throws SemblanceError BAD_USER_INPUT, UNSUPPORTED_MEDIA_TYPE, INVALID_IMAGE, IMAGE_TOO_LARGE, OVERLOADED,
 * MODEL_UNAVAILABLE, DATABASE_UNAVAILABLE, STORAGE_FULL
 */
export function uploadImage(context: OperationsContext, input: UploadInput): Promise<UploadOutcome> {
  return context.uploads.use((hold) => storeUpload(context, input, hold));
}

async function storeUpload(context: OperationsContext, input: UploadInput, hold: ByteHold): Promise<UploadOutcome> {
  const { store, encoders, decoder, maxUploadBytes } = context;
  const metadata = checkMetadata(input.metadata);
  decoder.assertRoom(input.priority);
  const { bytes, sha256 } = await readUpload(input.bytes, { maxUploadBytes, hold });
  const id = imageIdOf(sha256);
  const found = await store.findForUpload(id);
  if (found.image?.sha256 === sha256) return { image: found.image, created: false };

  for (let attempt = 1; ; attempt++) {
    const spaces = await liveSpaces(context, attempt === 1 ? found.spaces : undefined);
    try {
      const recipes = await requireEncodable(context, spaces, 'short');
      const { thumbnail, grey, prepared, mediaType, width, height } = await decoder.use(
        bytes,
        input.priority,
        async (image) => ({
          mediaType: image.mediaType,
          width: image.width,
          height: image.height,
          thumbnail: await makeThumbnail(image),
          grey: await makeGrey(image),
          prepared: await encoders.prepare(recipes, image, input.priority),
        }),
        input.signal,
      );
      const embeddings = await encoders.encode(recipes, prepared, id, input.priority, input.signal);
      input.signal?.throwIfAborted();
      return await store.insertImage({
        id,
        sha256,
        filename: cleanFilename(input.filename),
        mediaType,
        width,
        height,
        metadata,
        original: bytes,
        thumbnail,
        grey,
        embeddings: embeddings.flatMap((embedding, index) => {
          const space = spaces[index];
          return space === undefined ? [] : [{ spaceId: space.id, embedding }];
        }),
      });
    } catch (error) {
      if (attempt === maxAttempts || !(await haveChanged(store, spaces, error))) throw error;
    }
  }
}

/** Whether an upload failed because other spaces are live now than those that it was embedded for. */
async function haveChanged(store: Store, spaces: readonly EmbeddingSpace[], error: unknown): Promise<boolean> {
  if (!(error instanceof SemblanceError) || error instanceof RefusedByRuleError) return false;
  // A space that is gone has nothing to be read any more.
  return error.code === 'CONFLICT' || (error.code === 'MODEL_UNAVAILABLE' && (await areGone(store, spaces)));
}
