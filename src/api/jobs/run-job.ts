import { SemblanceError } from '../../base/errors.js';
import { maxListedFailures } from '../../base/limits.js';
import { dimensionsOf } from '../../methods/fitted.js';
import { describeFitted } from '../../methods/notation.js';
import type { JobRecord } from '../../database/store.js';
import { backfillSpace } from '../../spaces/backfill-space.js';
import { compareSpaces } from '../../spaces/compare/compare-spaces.js';
import type { OperationsContext } from '../../spaces/context.js';
import { createSpace } from '../../spaces/create-space.js';
import type { ImportTarget } from '../../images/import/import-images.js';
import { indexRegions } from '../../search/index-regions.js';
import { loadSample, sampleSize } from '../../images/import/load-sample.js';
import type { JobRun, JobRunnerOptions } from '../../jobs/runner.js';
import type { FailedImage } from '../../base/progress.js';
import { trainScorer } from '../../search/train-scorer.js';
import { uploadImage } from '../../images/upload-image.js';
import { jobInputs, jobKinds, type JobFailure, type JobInput, type JobResult } from './requests.js';

/** What a runner of jobs does with these operations. */
export function jobWork(
  context: OperationsContext,
): Pick<JobRunnerOptions, 'store' | 'kinds' | 'run' | 'isModelLoading'> {
  return {
    store: context.store,
    kinds: jobKinds,
    run: (job, run) => runJob(context, job, run),
    isModelLoading: () => context.embedder.state.kind === 'loading',
  };
}

/** An error that no client may see, in the place of its message. */
const masked = 'Internal server error';

/**
 * Does what a job says; a second time it goes on where the first was cut off.
 * @throws `signal`'s reason where that ended it before it was done; else as the operation
 */
async function runJob(context: OperationsContext, job: JobRecord, run: JobRun): Promise<JobResult> {
  const { signal, onProgress } = run;
  const kind = jobKinds.find((known) => known === job.kind);
  switch (kind) {
    case 'create_space':
      return makeSpace(context, job.id, jobInputs.create_space.parse(job.input), run);
    case 'backfill_space':
      return fillSpace(context, jobInputs.backfill_space.parse(job.input).name, run);
    case 'compare_spaces': {
      const input = jobInputs.compare_spaces.parse(job.input);
      return { comparison: await compareSpaces(context, { ...input, signal, onProgress }), ...listFailures([], run) };
    }
    case 'load_sample':
      return importSample(context, run);
    case 'train_scorer': {
      const input = jobInputs.train_scorer.parse(job.input);
      const { space, images, classes } = await trainScorer(context, { ...input, signal, onProgress });
      return { space, trainedOn: images, classes, ...listFailures([], run) };
    }
    case 'index_regions': {
      const { space } = jobInputs.index_regions.parse(job.input);
      const { indexed, failed, interrupted } = await indexRegions(context, { space, signal, onProgress });
      if (interrupted) signal.throwIfAborted();
      return { space, indexed, ...listFailures(failed, run) };
    }
    case undefined:
      throw new RangeError(`${job.kind} is none of the kinds that are claimed`);
  }
}

/** The space may be there: this very job made it before its server was cut off. */
async function makeSpace(
  context: OperationsContext,
  jobId: string,
  { name, method, sampleImages, seed, backfill }: JobInput<'create_space'>,
  run: JobRun,
): Promise<JobResult> {
  const { store, recipes } = context;
  const { signal, onProgress } = run;
  const made = (await store.listSpaces()).find((space) => space.jobId === jobId);
  let result: JobResult;
  if (made === undefined) {
    const created = await createSpace(context, { name, recipe: method, sampleImages, seed, jobId, signal, onProgress });
    const { description, sampled, missing } = created;
    const { dimensions } = created.space;
    const neighboursKept = created.narrowed?.neighboursKept;
    result = {
      space: name,
      description,
      dimensions,
      sampled,
      neighboursKept,
      missing,
      ...listFailures(created.failed, run),
    };
  } else {
    const fitted = await recipes.of(made);
    const description = describeFitted(fitted);
    const dimensions = dimensionsOf(fitted);
    result = { space: name, description, dimensions, missing: made.missingCount, ...listFailures([], run) };
  }
  if (!backfill) return result;
  signal.throwIfAborted();
  const filled = await fillSpace(context, name, run);
  return {
    ...result,
    ...filled,
    failedCount: result.failedCount + filled.failedCount,
    failed: [...result.failed, ...filled.failed].slice(0, maxListedFailures),
  };
}

async function fillSpace(context: OperationsContext, name: string, run: JobRun): Promise<JobResult> {
  const { signal, onProgress } = run;
  const { embedded, missing, failed, interrupted } = await backfillSpace(context, { name, signal, onProgress });
  if (interrupted) signal.throwIfAborted();
  return { space: name, embedded, missing, ...listFailures(failed, run) };
}

async function importSample(context: OperationsContext, run: JobRun): Promise<JobResult> {
  const { signal, onProgress, onUnexpected } = run;
  const target: ImportTarget = {
    existingIds: (ids) => context.store.existingIds(ids),
    upload: async (image) => {
      try {
        return await uploadImage(context, { ...image, priority: 'bulk', signal });
      } catch (error) {
        if (error instanceof SemblanceError || signal.aborted) throw error;
        onUnexpected(error);
        throw new Error(masked, { cause: error });
      }
    },
  };
  let done = 0;
  const advance = (): void => {
    done += 1;
    onProgress({ stage: 'importing', done, total: sampleSize });
  };
  const { imported, known, failures, interrupted } = await loadSample({ target, signal, onEvent: advance });
  if (interrupted) signal.throwIfAborted();
  const failed = failures.map(({ path, reason }) => ({ filename: path, message: reason }));
  return { imported, known, failedCount: failed.length, failed: failed.slice(0, maxListedFailures) };
}

function listFailures(
  failed: readonly FailedImage[],
  { onUnexpected }: JobRun,
): { readonly failedCount: number; readonly failed: readonly JobFailure[] } {
  const listed = failed.slice(0, maxListedFailures);
  for (const { code, imageId, reason, cause } of listed) {
    if (code !== undefined && cause === undefined) continue;
    onUnexpected(new Error(`The image ${imageId} was passed over: ${reason}`, { cause }));
  }
  return {
    failedCount: failed.length,
    failed: listed.map(({ imageId, code, reason }) => ({ imageId, message: code === undefined ? masked : reason })),
  };
}
