import type { ScorerKind } from '../store/store.js';
import type { OnProgress } from './progress.js';

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
