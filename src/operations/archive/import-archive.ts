import { SemblanceError } from '../../errors.js';
import type { ArchiveStore } from '../../store/archive-store.js';
import type { EmbeddingSpace, SpaceState } from '../../store/store.js';
import type { ArchivedSpace, SpaceOfArchive } from './format.js';
import { readArchive } from './read-archive.js';

export interface ImportArchiveInput {
  /** A tar file or a folder that exportGallery wrote. */
  readonly source: string;
  readonly onProgress?:
    | ((progress: { readonly stage: 'checking' | 'storing'; readonly done: number; readonly total: number }) => void)
    | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ImportedArchive {
  readonly created: number;
  /** Images that were stored already; they stay as they are, with the vectors that they lacked. */
  readonly known: number;
  /** All of the database, the archive's or not. */
  readonly spaces: readonly { readonly name: string; readonly state: SpaceState; readonly missing: number }[];
}

/**
 * Stores what exportGallery wrote: the archive is read and checked as a whole before anything is stored, then image by image, each
 * in one transaction. Run again, it goes on.
 *
 * Vectors go to the space of the same name, model, preprocessing and fitted parts, which is made where there is none; the archive's
 * active space is active where none was. Other spaces of the database lack the new images: a backfill embeds them.
 * @throws ConfigurationError where the archive is cut or altered; SemblanceError CONFLICT where a space of the same name is another
 */
export async function importArchive(
  store: ArchiveStore,
  { source, onProgress, signal }: ImportArchiveInput,
): Promise<ImportedArchive> {
  const total = await checkArchive(source, { onProgress, signal });
  let made: readonly MadeSpace[] = [];
  let created = 0;
  let known = 0;
  await readArchive(source, {
    onSpaces: async (archived) => {
      made = await makeSpaces(store, archived);
      await store.reopenSpaces();
      return new Map(made.map(({ archived: { name, dimensions }, id }) => [name, { id, dimensions }]));
    },
    onImage: async (image) => {
      signal?.throwIfAborted();
      if ((await store.insertImage(image)).created) created += 1;
      else known += 1;
      onProgress?.({ stage: 'storing', done: created + known, total });
    },
  });
  await saveScorers(store, made);
  return { created, known, spaces: await settleSpaces(store) };
}

async function checkArchive(
  source: string,
  { onProgress, signal }: Omit<ImportArchiveInput, 'source'>,
): Promise<number> {
  let done = 0;
  return readArchive(source, {
    // Where they go is not asked yet.
    onSpaces: (spaces) =>
      Promise.resolve(
        new Map(spaces.map(({ name, dimensions }, id): [string, SpaceOfArchive] => [name, { id, dimensions }])),
      ),
    onImage: () => {
      signal?.throwIfAborted();
      done += 1;
      onProgress?.({ stage: 'checking', done, total: 0 });
      return Promise.resolve();
    },
  });
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

async function settleSpaces(store: ArchiveStore): Promise<ImportedArchive['spaces']> {
  for (const { id, state } of await store.run((connected) => connected.listSpaces())) {
    if (state === 'building') await store.run((connected) => connected.completeSpace(id));
  }
  const spaces = await store.run((connected) => connected.listSpaces());
  return spaces.map(({ name, state, missingCount }) => ({ name, state, missing: missingCount }));
}
