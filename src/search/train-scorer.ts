import { maxSampleImages } from '../base/limits.js';
import { scorerToJson } from '../methods/rerank/scorer.js';
import { trainScorer as train } from '../methods/rerank/train-scorer.js';
import type { ScorerKind, Store } from '../database/store.js';
import { checkSeed } from '../base/arguments.js';
import type { OperationsContext } from '../spaces/context.js';
import { drawImages, hasLabel, noLabels } from '../spaces/draw-images.js';
import type { OnProgress } from '../base/progress.js';
import { searchableSpace } from '../spaces/spaces.js';

export interface TrainScorerInput {
  /** The active one unless given. */
  readonly space?: string | undefined;
  readonly kind: ScorerKind;
  /** 1 unless given. */
  readonly seed?: number | undefined;
  /** 5 unless given. */
  readonly epochs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

export interface TrainedScorer {
  readonly space: string;
  readonly kind: ScorerKind;
  /** Labelled images that it was trained on. */
  readonly images: number;
  readonly classes: number;
}

/**
 * Trains a learned similarity on the stored images that have a text `metadata.label`, and keeps it with its space in place of
 * a former one.
 * @throws SemblanceError BAD_USER_INPUT where the labels do not suffice and as searchableSpace, DATABASE_UNAVAILABLE
 */
export async function trainScorer(context: OperationsContext, input: TrainScorerInput): Promise<TrainedScorer> {
  const { store } = context;
  const { kind, epochs, signal, onProgress } = input;
  const seed = checkSeed(input.seed);
  const space = await searchableSpace(context, input.space);
  const { embeddings, labels } = await readLabelled(store, space.id, { seed, signal, onProgress });
  if (labels.length === 0) throw noLabels();
  const scorer = await train({ kind, embeddings, labels, seed, epochs, signal, onProgress });
  signal?.throwIfAborted();
  await store.saveScorer(space.id, kind, scorerToJson(scorer));
  return { space: space.name, kind, images: scorer.images, classes: scorer.classes };
}

const embeddingsPerRead = 500;

/** At most `maxSampleImages`. */
async function readLabelled(
  store: Store,
  spaceId: number,
  { seed, signal, onProgress }: Pick<TrainScorerInput, 'seed' | 'signal' | 'onProgress'> & { readonly seed: number },
): Promise<{ readonly embeddings: readonly Float32Array[]; readonly labels: readonly string[] }> {
  const images = await drawImages(store, {
    count: maxSampleImages,
    seed,
    keep: hasLabel,
    signal,
  });
  const embeddings: Float32Array[] = [];
  const labels: string[] = [];
  for (let start = 0; start < images.length; start += embeddingsPerRead) {
    signal?.throwIfAborted();
    const page = images.slice(start, start + embeddingsPerRead);
    const found = await store.readEmbeddings(
      spaceId,
      page.map(({ id }) => id),
    );
    for (const { id, label } of page) {
      const embedding = found.get(id);
      if (embedding === undefined || label === undefined) continue;
      embeddings.push(embedding);
      labels.push(label);
    }
    onProgress?.({ stage: 'embeddings', done: start + page.length, total: images.length });
  }
  return { embeddings, labels };
}
