import { SemblanceError } from '../../base/errors.js';
import { maxConcurrentDecodes } from '../../base/limits.js';
import type { ArchiveStore } from './archive-store.js';
import type { StoredImage } from './archive-sql.js';
import type { EmbeddingSpace, SpaceState } from '../../database/store.js';
import { checkImage, checkSpace, type ImageChecks } from './check-entries.js';
import { InvalidEntryError, type ArchivedSpace, type SpaceOfArchive } from './format.js';
import { readArchive } from './read-archive.js';

export interface ImportArchiveInput extends Omit<ImageChecks, 'signal'> {
  /** A tar file or a folder that exportGallery wrote. */
  readonly source: string;
  /** Stores the rest where an image or a space is not valid, instead of nothing. */
  readonly skipInvalid?: boolean | undefined;
  readonly onProgress?:
    | ((progress: { readonly stage: 'checking' | 'storing'; readonly done: number; readonly total: number }) => void)
    | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ImportedArchive {
  readonly created: number;
  /** Images that were stored already; they stay as they are, with the vectors that they lacked. */
  readonly known: number;
  /** Spaces and images that were left out. */
  readonly invalid: readonly InvalidEntryError[];
  /** All of the database, the archive's or not. */
  readonly spaces: readonly { readonly name: string; readonly state: SpaceState; readonly missing: number }[];
}

/**
 * Stores what exportGallery wrote: the archive is read and checked as a whole before anything is stored, each image as an upload and
 * each space as createSpace would be; then image by image, each in one transaction. Run again, it goes on.
 *
 * Vectors go to the space of the same name, model, preprocessing and fitted parts, which is made where there is none; the archive's
 * active space is active where none was. Other spaces of the database lack the new images: a backfill embeds them.
 * @throws ConfigurationError where the archive is cut or altered, InvalidEntryError where something in it is not valid and
 * `skipInvalid` is not given; SemblanceError CONFLICT where a space of the same name is another
 */
export async function importArchive(store: ArchiveStore, input: ImportArchiveInput): Promise<ImportedArchive> {
  const { source, onProgress, signal } = input;
  const { total, invalid, invalidIds } = await checkArchive(input);
  let made: readonly MadeSpace[] = [];
  let created = 0;
  let known = 0;
  try {
    await readArchive(source, {
      onSpaces: async (archived) => {
        made = await makeSpaces(store, validSpaces(archived, passOver));
        const ids = new Map(made.map(({ archived: { name }, id }) => [name, id]));
        return spacesByName(archived, (name) => ids.get(name));
      },
      onImage: async (image) => {
        signal?.throwIfAborted();
        if (invalidIds.has(image.record.id)) return;
        if ((await store.insertImage(image)).created) created += 1;
        else known += 1;
        onProgress?.({ stage: 'storing', done: created + known, total });
      },
      onInvalid: passOver,
    });
    await saveScorers(store, made);
  } catch (error) {
    // Those that lack no image so far are searched until the import is run again.
    await completeSpaces(store).catch(() => undefined);
    throw error;
  }
  await completeSpaces(store);
  const spaces = await store.run((connected) => connected.listSpaces());
  return {
    created,
    known,
    invalid,
    spaces: spaces.map(({ name, state, missingCount }) => ({ name, state, missing: missingCount })),
  };
}

/** What is not valid was told when the archive was checked. */
function passOver(): void {
  return undefined;
}

interface CheckedArchive {
  /** Valid images. */
  readonly total: number;
  readonly invalid: readonly InvalidEntryError[];
  readonly invalidIds: ReadonlySet<string>;
}

async function checkArchive(input: ImportArchiveInput): Promise<CheckedArchive> {
  const { source, skipInvalid = false, onProgress, signal } = input;
  const invalid: InvalidEntryError[] = [];
  const invalidIds = new Set<string>();
  const onInvalid = (error: InvalidEntryError): void => {
    if (!skipInvalid) throw error;
    invalid.push(error);
  };
  let done = 0;
  const inWork = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  const check = async (image: StoredImage): Promise<void> => {
    try {
      await checkImage(image, input);
      done += 1;
      onProgress?.({ stage: 'checking', done, total: 0 });
    } catch (error) {
      invalidIds.add(image.record.id);
      try {
        if (!(error instanceof InvalidEntryError)) throw error;
        onInvalid(error);
      } catch (fatal) {
        failure ??= { error: fatal };
      }
    }
  };
  const throwFailure = (): void => {
    if (failure !== undefined) throw failure.error;
  };
  try {
    await readArchive(source, {
      onSpaces: (archived) => {
        const valid = new Set(validSpaces(archived, onInvalid).map(({ name }) => name));
        return Promise.resolve(spacesByName(archived, (name) => (valid.has(name) ? 0 : undefined)));
      },
      // While the next is read.
      onImage: async (image) => {
        signal?.throwIfAborted();
        const checking = check(image).finally(() => inWork.delete(checking));
        inWork.add(checking);
        if (inWork.size >= maxConcurrentDecodes) await Promise.race(inWork);
        throwFailure();
      },
      onInvalid,
    });
  } finally {
    await Promise.all(inWork);
  }
  throwFailure();
  return { total: done, invalid, invalidIds };
}

function validSpaces(
  archived: readonly ArchivedSpace[],
  onInvalid: (error: InvalidEntryError) => void,
): readonly ArchivedSpace[] {
  const valid: ArchivedSpace[] = [];
  for (const space of archived) {
    try {
      checkSpace(space, valid);
      valid.push(space);
    } catch (error) {
      if (!(error instanceof InvalidEntryError)) throw error;
      onInvalid(error);
    }
  }
  return valid;
}

function spacesByName(
  archived: readonly ArchivedSpace[],
  idOf: (name: string) => number | undefined,
): ReadonlyMap<string, SpaceOfArchive> {
  // Of two with the same name the first is valid.
  return new Map([...archived].reverse().map(({ name, dimensions }) => [name, { id: idOf(name), dimensions }]));
}

interface MadeSpace {
  readonly archived: ArchivedSpace;
  readonly id: number;
}

async function makeSpaces(store: ArchiveStore, archived: readonly ArchivedSpace[]): Promise<readonly MadeSpace[]> {
  const present = await store.run((connected) => connected.listSpaces());
  // Before anything is made.
  for (const space of archived) requireSame(space, present);
  const made: MadeSpace[] = [];
  const isActive = ({ state }: ArchivedSpace): boolean => state === 'active';
  // The active one first: a server that starts now, or after this was cut off, is not to make one of its own.
  for (const space of [...archived.filter(isActive), ...archived.filter((each) => !isActive(each))]) {
    const found = present.find(({ name }) => name === space.name);
    made.push(
      found === undefined
        ? { archived: space, id: (await makeSpace(store, space)).id }
        : { archived: space, id: found.id },
    );
  }
  return made;
}

function requireSame(archived: ArchivedSpace, present: readonly EmbeddingSpace[]): void {
  const found = present.find(({ name }) => name === archived.name);
  if (found === undefined) return;
  const same =
    found.modelSha256 === archived.modelSha256 &&
    found.preprocessingSha256 === archived.preprocessingSha256 &&
    found.dimensions === archived.dimensions;
  if (same) return;
  throw new SemblanceError(
    'CONFLICT',
    `The embedding space ${JSON.stringify(archived.name)} of the archive was made with ${describe(archived)}, and the one of that name here with ${describe(found)}: their vectors must not be mixed. Remove the one here, or import into another SEMBLANCE_SCHEMA. Nothing was stored`,
  );
}

function describe({ model, modelSha256 }: Pick<EmbeddingSpace, 'model' | 'modelSha256'>): string {
  return `${model} (SHA-256 ${modelSha256.slice(0, 12)}…)`;
}

async function makeSpace(store: ArchiveStore, archived: ArchivedSpace): Promise<EmbeddingSpace> {
  const { state, scorers: _, ...space } = archived;
  if (state === 'active') {
    const active = await store.run((connected) => connected.ensureSpace(space));
    if (active.name === space.name) return active;
  }
  const made = await store.run((connected) => connected.createSpace(space));
  if (state === 'retired') await store.run((connected) => connected.retireSpace(made.id));
  return made;
}

async function saveScorers(store: ArchiveStore, made: readonly MadeSpace[]): Promise<void> {
  const present = await store.run((connected) => connected.listScorers());
  for (const { archived, id } of made) {
    for (const { kind, scorer } of archived.scorers) {
      if (present.some((found) => found.spaceId === id && found.kind === kind)) continue;
      await store.run((connected) => connected.saveScorer(id, kind, scorer));
    }
  }
}

async function completeSpaces(store: ArchiveStore): Promise<void> {
  for (const { id, state } of await store.run((connected) => connected.listSpaces())) {
    if (state === 'building') await store.run((connected) => connected.completeSpace(id));
  }
}
