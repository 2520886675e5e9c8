import { Option, type Command } from 'commander';
import { ConfigurationError } from '../../base/errors.js';
import { defaultSampleImages, maxSampleImages } from '../../base/limits.js';
import { registerCompareSpaces } from './compare-spaces.js';
import { formatSpaces } from '../commands/methods.js';
import { parseSeed } from '../method-options.js';
import { minNarrowingImages } from '../../methods/fitting/fit.js';
import { note, noteFailures, print } from '../output.js';
import { startStages } from '../progress.js';
import {
  interruptedExitCode,
  parseInteger,
  runOnGallery,
  runOnSpaces,
  withServerOption,
  type Environment,
  type GalleryOptions,
} from '../run.js';
import type { SpaceDoor } from './space-door.js';
import { isMadeBy } from './space-method.js';

interface CreateOptions extends GalleryOptions {
  readonly method?: string;
  readonly model?: string;
  readonly sample: number;
  readonly seed: number;
  readonly backfill: boolean;
}

interface SpacesContext {
  readonly door: SpaceDoor;
  readonly signal: AbortSignal;
}

export function registerSpaces(program: Command, env: Environment): void {
  const spaces = program
    .command('spaces')
    .summary('make, fill, switch and remove the spaces that images are searched in')
    .description(
      'A space is one way to turn images into vectors that may be compared: see docs/methods.md. Every image is stored in every space, and a search may name one.',
    );

  const create = spaces
    .command('create')
    .summary('fit a space on the stored images')
    .description(
      'Fits what the method needs on a sample of the stored images and makes the space, which can be searched once every stored image is embedded in it: --backfill does that too.',
    )
    .argument('<name>', 'lower-case letters, digits and ._-')
    .addOption(
      new Option('--method <notation>', 'e.g. hog+bovw-400, vit.whiten-256 or color: see docs/methods.md').conflicts(
        'model',
      ),
    )
    .option('--model <name>', 'the embedding of a model and nothing else: the same as --method @<name>')
    .option(
      '--sample <n>',
      'stored images to fit on',
      (text) => parseInteger(text, 1, maxSampleImages),
      defaultSampleImages,
    )
    .option('--seed <n>', 'decides what is drawn', parseSeed, 1)
    .option('--backfill', 'embed the stored images in it at once; run again, it goes on', false)
    .action(async (name: string, options: CreateOptions) => {
      const method = options.method ?? (options.model && `@${options.model}`);
      if (method === undefined)
        throw new ConfigurationError('Name what the space does: --method <notation>, or --model <name>.');
      // Whether the model that the server runs is needed hangs on the method: a lost one is no reason to refuse another.
      await runOnSpaces(env, { ...options, needsModel: false }, (context) =>
        createSpace(context, name, { ...options, method }),
      );
    });
  withServerOption(create);

  const list = spaces
    .command('list')
    .description('Lists the spaces, the active one first: that is the one searched where a search names none.')
    .option('--json', 'print JSON instead of a table', false);
  withServerOption(list).action(async (options: GalleryOptions & { readonly json: boolean }) => {
    await runOnGallery(env, { ...options, needsModel: false }, async ({ gallery }) => {
      const { spaces: listed } = await gallery.methods();
      print(options.json ? JSON.stringify(listed, undefined, 2) : formatSpaces(listed));
    });
  });

  const backfill = spaces
    .command('backfill')
    .summary('embed the stored images that a space lacks')
    .description(
      'Embeds the stored images that a space has no embedding of. Once none is left, the space can be searched. Run again, it goes on where it stopped.',
    )
    .argument('<name>', 'the space')
    .action(async (name: string, options: GalleryOptions) => {
      await runOnSpaces(env, { ...options, needsModel: false }, (context) => backfillSpace(context, name));
    });
  withServerOption(backfill);

  registerCompareSpaces(spaces, env);

  const activate = spaces
    .command('activate')
    .summary('search in another space wherever none is named')
    .description(
      'Makes a space the one that is searched where a search names none, in one step for all servers. The former one goes on being filled, so activating it takes the step back. Refused while stored images have no embedding in it.',
    )
    .argument('<name>', 'the space')
    .option(
      '--force',
      'although images are missing in it: those are not found until a backfill has embedded them',
      false,
    )
    .action(async (name: string, { force, server }: GalleryOptions & { readonly force: boolean }) => {
      await runOnSpaces(env, { server, needsModel: false }, async ({ door }) => {
        const { former, missing } = await door.activateSpace({ name, force });
        if (former === undefined) print(`The space ${name} is active already.`);
        else print(`The space ${name} is active. To take it back: semblance spaces activate ${former}`);
        if (missing > 0)
          note(`${missing} images are not found in it until semblance spaces backfill ${name} has embedded them.`);
      });
    });
  withServerOption(activate);

  const retire = spaces
    .command('retire')
    .summary('keep a space, but embed no upload for it any more')
    .description(
      'Takes a space out of use: no upload is embedded for it, no search finds it, and what it holds stays until it is removed. It cannot be taken up again. The active space is refused.',
    )
    .argument('<name>', 'the space')
    .action(async (name: string, options: GalleryOptions) => {
      await runOnSpaces(env, { ...options, needsModel: false }, async ({ door }) => {
        print(`Retired the space ${await door.retireSpace(name)}.`);
      });
    });
  withServerOption(retire);

  const remove = spaces
    .command('remove')
    .summary('remove a space with everything in it')
    .description(
      'Removes a space with its embeddings, regions and scorers; no image is removed. The active space stays.',
    )
    .argument('<name>', 'the space')
    .action(async (name: string, options: GalleryOptions) => {
      await runOnSpaces(env, { ...options, needsModel: false }, async ({ door }) => {
        print(`Removed the space ${await door.removeSpace(name)}.`);
      });
    });
  withServerOption(remove);
}

async function createSpace(
  context: SpacesContext,
  name: string,
  options: CreateOptions & { readonly method: string },
): Promise<void> {
  const { method, sample, seed, backfill } = options;
  if (backfill && (await isThere(context.door, name, method))) {
    note(`The space ${name} is there already: going on with its images.`);
    return backfillSpace(context, name);
  }
  const { door, signal } = context;
  const stages = startStages();
  let created;
  try {
    created = await door.createSpace({
      name,
      recipe: method,
      sampleImages: sample,
      seed,
      signal,
      onProgress: stages.report,
    });
  } catch (error) {
    if (!signal.aborted) throw error;
    stages.stop();
    print(`Interrupted: the space ${name} was not made. The same command begins anew.`);
    process.exitCode = interruptedExitCode;
    return;
  } finally {
    stages.stop();
  }
  const { dimensions, description, sampled, neighboursKept, failedCount, missing } = created;
  await noteFailures(door, created);
  const fittedOn = sampled === 0 ? '' : `, fitted on ${sampled} images`;
  print(`Made the space ${name}: ${description}, ${dimensions} dimensions${fittedOn}.`);
  if (neighboursKept !== undefined) print(describeNarrowing(description, neighboursKept));
  if (failedCount > 0) process.exitCode = 1;
  if (missing === 0) {
    print('No stored image lacks an embedding in it: it can be searched.');
  } else if (backfill) {
    await backfillSpace(context, name);
  } else {
    print(`${missing} stored images lack an embedding in it. Next: semblance spaces backfill ${name}`);
  }
}

/** What it costs that the method gives more numbers than a space holds. */
function describeNarrowing(description: string, neighboursKept: number): string {
  const kept = `Its vectors are projected to what a space holds: ${(100 * neighboursKept).toFixed(1)} % of the ten nearest by the whole vector are among the ten nearest by the projected one.`;
  if (!description.includes('.random-')) return kept;
  return `${kept} The projection is drawn, for it needs ${minNarrowingImages} images to be fitted: once there are as many, a new space has a fitted one.`;
}

/** @throws ConfigurationError where another method made the space of that name */
async function isThere(door: SpaceDoor, name: string, method: string): Promise<boolean> {
  const spaces = await door.listSpaces();
  const space = spaces.find((listed) => listed.name === name);
  if (space === undefined) return false;
  if (isMadeBy(space.description, method)) return true;
  throw new ConfigurationError(
    `The space ${name} is there already, made by ${space.description}: choose another name, or remove it with semblance spaces remove ${name}.`,
  );
}

async function backfillSpace({ door, signal }: SpacesContext, name: string): Promise<void> {
  const stages = startStages();
  const filled = await door.backfillSpace({ name, signal, onProgress: stages.report }).finally(stages.stop);
  const { embedded, failedCount, missing, state, interrupted } = filled;
  await noteFailures(door, filled);
  const sums = `Embedded ${embedded} images in ${name}, failed ${failedCount}.`;
  if (interrupted) {
    print(`${sums} Interrupted with ${missing} left: the same command goes on there.`);
    process.exitCode = interruptedExitCode;
  } else if (state === 'building') {
    print(`${sums} ${missing} images lack an embedding in it, so it cannot be searched yet.`);
    process.exitCode = 1;
  } else {
    print(`${sums} The space can be searched: --space ${name}`);
    if (failedCount > 0) process.exitCode = 1;
  }
}
