import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Dataset } from './datasets/dataset.js';
import { packageVersion } from '../base/paths.js';
import { assemble, hasDirection } from '../methods/assemble.js';
import { fitLeaves } from '../methods/fitting/fit-leaves.js';
import { fitFromLeaves } from '../methods/fitting/fit.js';
import { dimensionsOf, fittedFromJson, fittedToJson } from '../methods/fitted.js';
import {
  leafDimensions,
  leafKey,
  leafRecipeKey,
  leafRecipesOf,
  leavesOf,
  type Leaf,
  type LeafRecipe,
  type LeafValues,
} from '../methods/leaf.js';
import type { LeafEncoder } from '../methods/leaves.js';
import { describeFitted, formatRecipe } from '../methods/notation.js';
import type { FittedRecipe, Recipe } from '../methods/recipe.js';
import type { FittedLeaves, FitOptions, ImageSample } from '../methods/samples.js';
import { keyOf } from './keys.js';
import { leafRows, type FeatureOptions } from './read-images.js';
import { RowCache } from './row-cache.js';
import { readKeptText } from './work-file.js';

/** One space with the vector of every image. */
export interface EvaluatedSpace {
  /** As formatRecipe writes it. */
  readonly name: string;
  /** Names of models and the number of words that was chosen filled in. */
  readonly description: string;
  readonly dimensions: number;
  /** Changes with anything that could change a vector. */
  readonly key: string;
  readonly msPerImage: number;
  /** Why images have no vector, by row. */
  readonly failures: ReadonlyMap<number, string>;
  /** Vectors as the space gives them, of what is indexed or asked; where a similarity is trained, of what it is trained on too. */
  read(): Promise<Float32Array>;
}

export interface SpacesOptions extends FeatureOptions {
  readonly dataset: Dataset;
  readonly leaves: LeafEncoder;
  readonly seed: number;
  /** Names of the spaces that learned similarities are trained in: they need the images that are trained on, too. */
  readonly trained: ReadonlySet<string>;
}

/** Fits every recipe on the indexed images alone, and computes the vector of every image; each leaf once. */
export async function prepareSpaces(
  recipes: readonly Recipe[],
  options: SpacesOptions,
): Promise<ReadonlyMap<string, EvaluatedSpace>> {
  const { images, dataset } = options;
  const fitRows = dataset.gallery
    .map((number) => images.rowOf.get(number)!)
    .filter((row) => !images.unreadable.has(row));
  const basis = keyOf(packageVersion, options.seed, fitRows);
  const fittedLeaves = await fitLeavesOnce(recipes, fitRows, basis, options);
  const caches = new Map<string, RowCache>();
  const trainedLeaves = new Set(
    leafRecipesOf(recipes.filter((recipe) => options.trained.has(formatRecipe(recipe)))).map(leafRecipeKey),
  );
  for (const leafRecipe of leafRecipesOf(recipes)) {
    const leaf = fittedLeaves.leafFor(leafRecipe);
    const rows = trainedLeaves.has(leafRecipeKey(leafRecipe)) ? images.numbers.length : images.judgedRows;
    caches.set(leafKey(leaf), await leafRows(leaf, rows, options.leaves, options));
  }
  const table = new LeafTable(caches);
  const spaces = new Map<string, EvaluatedSpace>();
  for (const recipe of recipes) {
    options.signal.throwIfAborted();
    const name = formatRecipe(recipe);
    if (isLeaf(recipe)) {
      const leaf = fittedLeaves.leafFor(recipe);
      spaces.set(name, leafSpace(name, leaf, caches.get(leafKey(leaf))!));
    } else {
      spaces.set(name, await prepareCompound(recipe, { name, fitRows, basis, fittedLeaves, table, options }));
    }
  }
  return spaces;
}

type CompoundRecipe = Exclude<Recipe, LeafRecipe>;

function isLeaf(recipe: Recipe): recipe is LeafRecipe {
  return recipe.kind !== 'fusion' && recipe.kind !== 'pca' && recipe.kind !== 'class-fusion';
}

function leafSpace(name: string, leaf: Leaf, cache: RowCache): EvaluatedSpace {
  return {
    name,
    description: describeFitted(leaf),
    dimensions: leafDimensions(leaf),
    key: leafKey(leaf),
    msPerImage: cache.ms / Math.max(1, cache.length),
    failures: cache.failures,
    read: async () => floatsOf(await cache.read()),
  };
}

interface CompoundOptions {
  readonly name: string;
  readonly fitRows: readonly number[];
  readonly basis: string;
  readonly fittedLeaves: FittedLeaves;
  readonly table: LeafTable;
  readonly options: SpacesOptions;
}

async function prepareCompound(recipe: CompoundRecipe, compound: CompoundOptions): Promise<EvaluatedSpace> {
  const { name, fitRows, basis, fittedLeaves, table, options } = compound;
  const { images, signal, onProgress } = options;
  const used = leafRecipesOf([recipe]).map((leaf) => fittedLeaves.leafFor(leaf));
  await table.load(used);
  const key = keyOf(basis, name, used.map(leafKey));
  const fitted = await onceFitted(join(images.folder, `fitted-${key}.json`), () =>
    fitFromLeaves(
      recipe,
      fittedLeaves,
      { ...sampleOf(fitRows, options), values: (index) => table.values(used, fitRows[index]!) },
      fitOptions(name, options),
    ),
  );
  const cache = await RowCache.open(join(images.folder, `space-${key}`), 4 * dimensionsOf(fitted));
  await cache.fill(options.trained.has(name) ? images.numbers.length : images.judgedRows, {
    concurrency: 1,
    signal,
    onProgress: (done, total) => {
      onProgress({ stage: `Vectors: ${name}`, done, total });
    },
    rowOf: (row) => {
      const values = table.values(used, row);
      if (values === undefined) return Promise.resolve(table.failureOf(used, row));
      const vector = assemble(fitted, values, images.sha256[row]!);
      return Promise.resolve(hasDirection(vector) ? vector : noDirection);
    },
  });
  table.drop();
  const leafMs = leavesOf([fitted]).reduce((sum, leaf) => sum + table.msPerImage(leaf), 0);
  return {
    name,
    description: describeFitted(fitted),
    dimensions: dimensionsOf(fitted),
    key,
    msPerImage: leafMs + cache.ms / Math.max(1, cache.length),
    failures: cache.failures,
    read: async () => floatsOf(await cache.read()),
  };
}

const noDirection = 'A method finds nothing in this image that it could be compared by';

/** Vocabularies are kept, for to train one takes minutes; models are opened in any case. */
async function fitLeavesOnce(
  recipes: readonly Recipe[],
  fitRows: readonly number[],
  basis: string,
  options: SpacesOptions,
): Promise<FittedLeaves> {
  const known = new Map<string, Leaf>();
  const wanted = leafRecipesOf(recipes);
  const pathOf = (recipe: LeafRecipe): string =>
    join(options.images.folder, `leaf-${keyOf(basis, leafRecipeKey(recipe))}.json`);
  const kept = wanted.filter(({ kind }) => kind === 'bag-of-words');
  for (const recipe of kept) {
    const fitted = await readFitted(pathOf(recipe));
    if (fitted?.kind === 'bag-of-words') known.set(leafRecipeKey(recipe), fitted);
  }
  const missing = wanted.filter((recipe) => !known.has(leafRecipeKey(recipe)));
  const fittedNow = await fitLeaves(missing, imageSample(fitRows, options), {
    leaves: options.leaves,
    ...fitOptions('vocabulary', options),
  });
  for (const recipe of missing) {
    const leaf = fittedNow.leafFor(recipe);
    known.set(leafRecipeKey(recipe), leaf);
    if (leaf.kind === 'bag-of-words') await writeFitted(pathOf(recipe), leaf);
  }
  return {
    leaves: leavesOf([...known.values()]),
    vocabularySizes: fittedNow.vocabularySizes,
    leafFor: (recipe) => {
      const leaf = known.get(leafRecipeKey(recipe));
      if (leaf === undefined) throw new RangeError(`${recipe.kind} was not fitted`);
      return leaf;
    },
  };
}

function fitOptions(name: string, { seed, signal, onProgress }: SpacesOptions): FitOptions {
  return {
    seed,
    signal,
    onProgress: ({ stage, done, total }) => {
      onProgress({ stage: `Fitting ${name}: ${stage}`, done, total });
    },
  };
}

function sampleOf(rows: readonly number[], { images, dataset }: SpacesOptions): Omit<ImageSample, 'use'> {
  return {
    count: rows.length,
    id: (index) => images.sha256[rows[index]!]!,
    label: (index) => dataset.images[images.numbers[rows[index]!]!]!.className,
  };
}

function imageSample(rows: readonly number[], options: SpacesOptions): ImageSample {
  return { ...sampleOf(rows, options), use: (index, work) => options.images.use(rows[index]!, work) };
}

/** What leaves gave, in memory for those that are needed. */
class LeafTable {
  readonly #loaded = new Map<string, Float32Array>();

  constructor(private readonly caches: ReadonlyMap<string, RowCache>) {}

  async load(leaves: readonly Leaf[]): Promise<void> {
    for (const leaf of leaves) {
      const key = leafKey(leaf);
      if (!this.#loaded.has(key)) this.#loaded.set(key, floatsOf(await this.caches.get(key)!.read()));
    }
  }

  drop(): void {
    this.#loaded.clear();
  }

  /** Undefined where one of the leaves gave nothing for the image. */
  values(leaves: readonly Leaf[], row: number): LeafValues | undefined {
    if (this.#failure(leaves, row) !== undefined) return undefined;
    return {
      of: (leaf) => {
        const dimensions = leafDimensions(leaf);
        return this.#loaded.get(leafKey(leaf))!.subarray(row * dimensions, (row + 1) * dimensions);
      },
    };
  }

  failureOf(leaves: readonly Leaf[], row: number): string {
    return this.#failure(leaves, row) ?? noDirection;
  }

  msPerImage(leaf: Leaf): number {
    const cache = this.caches.get(leafKey(leaf))!;
    return cache.ms / Math.max(1, cache.length);
  }

  #failure(leaves: readonly Leaf[], row: number): string | undefined {
    for (const leaf of leaves) {
      const reason = this.caches.get(leafKey(leaf))!.failures.get(row);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }
}

function floatsOf(bytes: Uint8Array<ArrayBuffer>): Float32Array {
  return new Float32Array(bytes.buffer);
}

async function onceFitted(path: string, fit: () => Promise<FittedRecipe>): Promise<FittedRecipe> {
  const known = await readFitted(path);
  if (known !== undefined) return known;
  const fitted = await fit();
  await writeFitted(path, fitted);
  return fitted;
}

async function readFitted(path: string): Promise<FittedRecipe | undefined> {
  const text = await readKeptText(path);
  return text === undefined ? undefined : fittedFromJson(JSON.parse(text));
}

/** Renamed once it is whole. */
async function writeFitted(path: string, fitted: FittedRecipe): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.partial`, JSON.stringify(fittedToJson(fitted)));
  await rename(`${path}.partial`, path);
}
