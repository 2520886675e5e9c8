import { resolve } from 'node:path';
import { transparencyOf } from '../models/model-identity.js';
import type { Embedders } from '../models/embedder/embedders.js';
import type { ModelInput } from '../models/embedder/embedder.js';
import type { DecodedImage } from '../pixels/decode/decoded-image.js';
import type { Priority } from '../base/concurrency/priority.js';
import type { Raster } from '../pixels/resample.js';
import { composed, type Transparency } from '../pixels/transparency.js';
import { resizedSize, resizeForModel } from '../pixels/resize.js';
import type { Matrix } from '../math/matrix.js';
import type { Vocabulary } from './features/bag-of-words.js';
import { descriptorLength } from './features/sift/descriptor.js';
import type { Feature, FeatureRasters } from './features/feature-messages.js';
import { FeatureThreads } from './features/feature-threads.js';
import { hogSidePixels, leafKey, pictureSidePixels, type Leaf, type LeafValues } from './leaf.js';

export type ModelLeaf = Extract<Leaf, { readonly kind: 'model' }>;

/** The SIFT descriptors that vocabularies are trained on; not a leaf of any space. */
export interface Keypoints {
  readonly kind: 'keypoints';
}

/** All that some leaves need of an image, in a few hundred kilobytes at most, so that nobody holds a large one. */
export interface PreparedImage {
  /** By leafKey of a model. */
  readonly crops: ReadonlyMap<string, ModelInput>;
  /** What classical features are computed from, for each way of seeing a transparent picture that one of them has. */
  readonly rasters: ReadonlyMap<Transparency, FeatureRasters>;
}

/** Computes what leaves give, models in their own threads and classical features in others. */
export interface LeafEncoder {
  /**
   * The model as a space keeps it: by its name, or by its whole path where it was given by one.
   * @param model see Embedders.get
   * @throws SemblanceError MODEL_UNAVAILABLE saying why
   */
  modelLeaf(model: string | undefined): Promise<ModelLeaf>;
  /**
   * To be called while the decoder counts the image: see ImageDecoder.use.
   * @throws SemblanceError MODEL_UNAVAILABLE, OVERLOADED
   */
  prepare(leaves: readonly (Leaf | Keypoints)[], image: DecodedImage, priority: Priority): Promise<PreparedImage>;
  /**
   * @param leaves each once, as leavesOf gives them, and among those that the image was prepared for
   * @throws SemblanceError MODEL_UNAVAILABLE, OVERLOADED, INVALID_IMAGE (a model finds nothing in it)
   */
  compute(
    leaves: readonly Leaf[],
    prepared: PreparedImage,
    priority: Priority,
    signal?: AbortSignal,
  ): Promise<LeafValues>;
  /** One row of 128 a keypoint. @throws SemblanceError MODEL_UNAVAILABLE, OVERLOADED */
  descriptors(prepared: PreparedImage, priority: Priority, signal?: AbortSignal): Promise<Matrix<Float32Array>>;
  /** Ends the feature threads; the models are closed by whoever opened them. */
  close(): Promise<void>;
}

export interface LeavesOptions {
  readonly embedders: Embedders;
  /** That compute classical features; they start when first needed. */
  readonly threads: number;
  /** See FeatureThreadsOptions. */
  readonly maxWaiting?: number | undefined;
}

export function openLeaves(options: LeavesOptions): LeafEncoder {
  return new ThreadedLeaves(options);
}

type FeatureLeaf = Exclude<Leaf, ModelLeaf>;

class ThreadedLeaves implements LeafEncoder {
  readonly #embedders: Embedders;
  readonly #threads: FeatureThreads;

  constructor({ embedders, threads, maxWaiting }: LeavesOptions) {
    this.#embedders = embedders;
    this.#threads = new FeatureThreads({ threads, maxWaiting });
  }

  async modelLeaf(model: string | undefined): Promise<ModelLeaf> {
    const { info } = await this.#embedders.get(model);
    const { sha256, preprocessingSha256, dimensions } = info;
    const kept = model?.includes('/') === true ? resolve(model) : (model ?? info.name);
    return { kind: 'model', model: kept, sha256, preprocessingSha256, dimensions };
  }

  async prepare(
    leaves: readonly (Leaf | Keypoints)[],
    image: DecodedImage,
    priority: Priority,
  ): Promise<PreparedImage> {
    const models = leaves.filter((leaf) => leaf.kind === 'model');
    const classical = byTransparency(leaves.filter((leaf) => leaf.kind !== 'model'));
    if (classical.length > 0) this.#threads.assertRoom(priority);
    const crops = new Map<string, ModelInput>();
    for (const leaf of models) {
      // Short, for the model may have gone since the image was let in, and whoever waits here keeps others from the decoder.
      const { embedder, info } = await this.#embedders.get(leaf.model, leaf, 'short');
      const seen = composed(image, transparencyOf(info, leaf) ?? 'contrast');
      crops.set(leafKey(leaf), await embedder.prepare(seen, priority));
    }
    const rasters = new Map<Transparency, FeatureRasters>();
    for (const [transparency, features] of classical) {
      rasters.set(transparency, await makeRasters(features, composed(image, transparency)));
    }
    return { crops, rasters };
  }

  async compute(
    leaves: readonly Leaf[],
    prepared: PreparedImage,
    priority: Priority,
    signal?: AbortSignal,
  ): Promise<LeafValues> {
    const models = leaves.filter((leaf) => leaf.kind === 'model');
    const classical = leaves.filter((leaf) => leaf.kind !== 'model');
    const [embeddings, features] = await Promise.all([
      Promise.all(models.map((leaf) => this.#embed(leaf, prepared, priority, signal))),
      Promise.all(
        byTransparency(classical).map(([transparency, seen]) =>
          this.#runFeatures(seen, requireRasters(prepared, transparency), priority, signal),
        ),
      ),
    ]);
    return leafValues([...models.map((leaf, index) => [leaf, embeddings[index]] as const), ...features.flat()]);
  }

  async descriptors(prepared: PreparedImage, priority: Priority, signal?: AbortSignal): Promise<Matrix<Float32Array>> {
    const rasters = requireRasters(prepared, transparencyOfFeature({ kind: 'keypoints' }));
    const task = { rasters, features: [{ kind: 'sift' }] as const, vocabularies: new Map<string, Vocabulary>() };
    const [values = new Float32Array()] = await this.#threads.run(task, priority, signal);
    return { rows: values.length / descriptorLength, columns: descriptorLength, values };
  }

  async close(): Promise<void> {
    await this.#threads.close();
  }

  async #embed(
    leaf: ModelLeaf,
    { crops }: PreparedImage,
    priority: Priority,
    signal?: AbortSignal,
  ): Promise<Float32Array> {
    const crop = crops.get(leafKey(leaf));
    if (crop === undefined) throw new RangeError(`The image was not prepared for the model ${leaf.model}`);
    const { embedder } = await this.#embedders.get(leaf.model, leaf);
    return embedder.embed(crop, priority, signal);
  }

  async #runFeatures(
    leaves: readonly FeatureLeaf[],
    rasters: FeatureRasters,
    priority: Priority,
    signal?: AbortSignal,
  ): Promise<readonly (readonly [FeatureLeaf, Float32Array | undefined])[]> {
    const vocabularies = new Map<string, Vocabulary>();
    const features = leaves.map((leaf): Feature => {
      if (leaf.kind !== 'bag-of-words') return { kind: leaf.kind };
      vocabularies.set(leafKey(leaf), leaf.vocabulary);
      return { kind: 'bag-of-words', vocabulary: leafKey(leaf) };
    });
    const values = await this.#threads.run({ rasters, features, vocabularies }, priority, signal);
    return leaves.map((leaf, index) => [leaf, values[index]] as const);
  }
}

/** Vocabularies are trained for new spaces. */
function transparencyOfFeature(leaf: FeatureLeaf | Keypoints): Transparency {
  return leaf.kind === 'keypoints' ? 'contrast' : (leaf.transparency ?? 'white');
}

/** The leaves by how they see a transparent picture. */
function byTransparency<L extends FeatureLeaf | Keypoints>(
  leaves: readonly L[],
): readonly (readonly [Transparency, readonly L[]])[] {
  return (['white', 'contrast'] as const)
    .map(
      (transparency) => [transparency, leaves.filter((leaf) => transparencyOfFeature(leaf) === transparency)] as const,
    )
    .filter(([, seen]) => seen.length > 0);
}

function requireRasters({ rasters }: PreparedImage, transparency: Transparency): FeatureRasters {
  const found = rasters.get(transparency);
  if (found === undefined) throw new RangeError('The image was not prepared for this feature');
  return found;
}

/** What was computed or read from a file, by leaf. */
export function leafValues(entries: readonly (readonly [Leaf, Float32Array | undefined])[]): LeafValues {
  const values = new Map(entries.map(([leaf, vector]) => [leafKey(leaf), vector]));
  return {
    of(leaf) {
      const vector = values.get(leafKey(leaf));
      if (vector === undefined) throw new RangeError(`The leaf ${leafKey(leaf)} was not computed`);
      return vector;
    },
  };
}

async function makeRasters(leaves: readonly (FeatureLeaf | Keypoints)[], image: DecodedImage): Promise<FeatureRasters> {
  return {
    picture: leaves.some(({ kind }) => kind !== 'hog') ? await fitPicture(image) : undefined,
    square: leaves.some(({ kind }) => kind === 'hog') ? await stretchSquare(image) : undefined,
  };
}

async function fitPicture(image: DecodedImage): Promise<Raster> {
  const { width, height, pixels } = image;
  if (Math.max(width, height) <= pictureSidePixels) return { width, height, pixels };
  const resize = { longestEdge: pictureSidePixels };
  return { ...resizedSize(image, resize), pixels: await resizeForModel(image, { resize, interpolation: 'bilinear' }) };
}

async function stretchSquare(image: DecodedImage): Promise<Raster> {
  const size = { width: hogSidePixels, height: hogSidePixels };
  return { ...size, pixels: await resizeForModel(image, { resize: size, interpolation: 'bilinear' }) };
}
