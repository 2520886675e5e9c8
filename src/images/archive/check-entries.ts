import { SemblanceError } from '../../base/errors.js';
import { cleanFilename } from '../../pixels/filename.js';
import type { ImageDecoder } from '../../pixels/decode/decode.js';
import { thumbnailPixels } from '../../base/limits.js';
import { scorerFromJson } from '../../methods/rerank/scorer.js';
import { fittedFromJson, modelsOf } from '../../methods/fitted.js';
import type { FittedRecipe } from '../../methods/recipe.js';
import type { StoredImage } from './archive-sql.js';
import { checkSpaceName, checkStorable } from '../../base/arguments.js';
import { describeSpace } from '../../spaces/describe-space.js';
import { isModelName } from '../../models/model-name.js';
import { readUpload } from '../read-upload.js';
import { InvalidEntryError, type ArchivedSpace } from './format.js';

export interface ImageChecks {
  readonly decoder: Pick<ImageDecoder, 'decode'>;
  readonly maxUploadBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Holds an image against what an upload of its original would store: its bytes, name and size in pixels. Its metadata were checked
 * when it was read.
 * @throws InvalidEntryError; `signal`'s reason
 */
export async function checkImage(
  { record, original, thumbnail }: StoredImage,
  { decoder, maxUploadBytes, signal }: ImageChecks,
): Promise<void> {
  const { id, filename, width, height } = record;
  const invalid = (reason: string, cause?: unknown) =>
    new InvalidEntryError(`the image ${id} (${quoted(filename)})`, reason, { cause });
  if (cleanFilename(filename) !== filename) {
    throw invalid(
      'an upload is stored under a name of at most 255 bytes without folders, control characters and characters that turn the direction of writing',
    );
  }
  try {
    await readUpload(original, { maxUploadBytes, hold: noHold });
    const decoded = await decoder.decode(original, 'bulk', signal);
    if (decoded.width !== width || decoded.height !== height) {
      throw invalid(`the original has ${decoded.width} × ${decoded.height} pixels, not ${width} × ${height}`);
    }
  } catch (error) {
    throw error instanceof SemblanceError ? invalid(error.message, error) : error;
  }
  try {
    const shown = await decoder.decode(thumbnail, 'bulk', signal);
    if (shown.mediaType !== 'image/webp' || Math.max(shown.width, shown.height) > thumbnailPixels)
      throw invalid(`the thumbnail is no WebP of at most ${thumbnailPixels} pixels`);
  } catch (error) {
    throw error instanceof SemblanceError ? invalid(`the thumbnail: ${error.message}`, error) : error;
  }
}

/** The original is in memory already: no room is asked for. */
const noHold = { add: () => undefined, release: () => undefined };

/**
 * Holds a space against what createSpace would make of its name and of what was fitted.
 * @param others that come before it in the archive
 * @throws InvalidEntryError
 */
export function checkSpace(space: ArchivedSpace, others: readonly ArchivedSpace[]): void {
  const { name, state, dimensions, scorers } = space;
  const invalid = (reason: string, cause?: unknown) =>
    new InvalidEntryError(`the embedding space ${quoted(name)}`, reason, { cause });
  if (others.some((other) => other.name === name)) throw invalid('another one has the same name');
  if (state === 'active' && others.some((other) => other.state === 'active'))
    throw invalid('another one is active already');
  try {
    // The first space of a gallery bears the name of its model.
    if (space.fitted !== undefined || name !== space.model) checkSpaceName(name);
    checkStorable(JSON.stringify([space.fitted, scorers]), 'fitted');
    const fitted = fittedOf(space);
    for (const { model } of modelsOf(fitted)) {
      if (!isModelName(model)) throw invalid(`${quoted(model)} is not the name of a model`);
    }
    const made = describeSpace(name, fitted);
    for (const field of ['model', 'modelSha256', 'preprocessingSha256', 'dimensions'] as const) {
      if (made[field] !== space[field]) throw invalid(`its ${field} does not follow from what was fitted`);
    }
    if (new Set(scorers.map(({ kind }) => kind)).size !== scorers.length)
      throw invalid('it has two learned similarities of the same kind');
    for (const { kind, scorer } of scorers) {
      if (scorerFromJson(scorer, dimensions).kind !== kind)
        throw invalid(`what was learned for ${kind} is another kind`);
    }
  } catch (error) {
    if (error instanceof SemblanceError || error instanceof RangeError) throw invalid(error.message, error);
    throw error;
  }
}

/** As FittedRecipes reads it from the database. */
function fittedOf({
  fitted,
  model,
  modelSha256: sha256,
  preprocessingSha256,
  dimensions,
}: ArchivedSpace): FittedRecipe {
  return fitted === undefined
    ? { kind: 'model', model, sha256, preprocessingSha256, dimensions }
    : fittedFromJson(fitted);
}

const quotedCharacters = 80;

/** Escaped, and cut where it is long. */
function quoted(text: string): string {
  return JSON.stringify(text.length <= quotedCharacters ? text : `${text.slice(0, quotedCharacters)}…`);
}
