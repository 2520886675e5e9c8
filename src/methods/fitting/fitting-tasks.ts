import type { ErrorCode } from '../../base/errors.js';
import { fitLogisticRegression, type LogisticRegressionOptions } from '../../math/learning/logistic-regression.js';
import { narrow, type NarrowingOptions } from '../../math/narrowing.js';
import { fitPca, type PcaOptions } from '../../math/pca.js';
import {
  chooseVocabularySize,
  trainVocabulary,
  type VocabularyOptions,
  type VocabularySizeOptions,
} from '../features/bag-of-words.js';

/** What is fitted in a thread of its own: each takes seconds, and none needs more than its input. */
export const fittingTasks = {
  projection: (input: PcaOptions) => fitPca(input),
  narrowing: (input: NarrowingOptions) => narrow(input),
  vocabulary: (input: Omit<VocabularyOptions, 'onIteration'>, report: () => void) =>
    trainVocabulary({ ...input, onIteration: report }),
  vocabularySize: (input: Omit<VocabularySizeOptions, 'onCandidate'>, report: () => void) =>
    chooseVocabularySize({ ...input, onCandidate: report }),
  classifier: (input: Omit<LogisticRegressionOptions, 'onIteration'>) => fitLogisticRegression(input),
} as const;

type Tasks = typeof fittingTasks;
export type FittingTask = keyof Tasks;
export type FittingInput<T extends FittingTask> = Parameters<Tasks[T]>[0];
export type Fitted<T extends FittingTask> = ReturnType<Tasks[T]>;

/** What the thread is started with. */
export type FittingStart = {
  readonly [T in FittingTask]: { readonly task: T; readonly input: FittingInput<T> };
}[FittingTask];

export type FromFittingThread =
  | { readonly kind: 'step' }
  | { readonly kind: 'fitted'; readonly fitted: unknown }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string };
