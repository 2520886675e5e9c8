import { randomUUID } from 'node:crypto';
import { invalidArgument, SemblanceError } from '../../base/errors.js';
import { maxPageSize, maxScorerEpochs } from '../../base/limits.js';
import { isModelName } from '../../models/model-name.js';
import { parseRecipe } from '../../methods/notation.js';
import type { Recipe } from '../../methods/recipe.js';
import { checkInteger, checkSeed } from '../../base/arguments.js';
import { requireFillable } from '../../spaces/backfill-space.js';
import { requireComparable } from '../../spaces/compare/compare-spaces.js';
import type { OperationsContext } from '../../spaces/context.js';
import { requireCreatable } from '../../spaces/create-space.js';
import { searchableSpace } from '../../spaces/spaces.js';
import { toJob, type Job, type JobRequest } from './requests.js';

/** What a client asks for: a space that is not named is the active one. */
export type JobOrder =
  | Exclude<JobRequest, { readonly kind: 'train_scorer' | 'index_regions' }>
  | WithOptionalSpace<Extract<JobRequest, { readonly kind: 'train_scorer' }>>
  | WithOptionalSpace<Extract<JobRequest, { readonly kind: 'index_regions' }>>;

interface WithOptionalSpace<R extends { readonly kind: string; readonly input: { readonly space: string } }> {
  readonly kind: R['kind'];
  readonly input: Omit<R['input'], 'space'> & { readonly space?: string | undefined };
}

/**
 * Begins a job and answers at once. What is plainly wrong is refused here, so that nobody has to wait for it. A sample
 * gallery that is being loaded is answered in place of a second one: whoever may write begins them, and they would fill
 * the queue of those who may do more.
 * @throws SemblanceError BAD_USER_INPUT, NOT_FOUND and CONFLICT as the operation itself; OVERLOADED where `maxOpenJobs` wait or
 * run; DATABASE_UNAVAILABLE
 */
export async function startJob(context: OperationsContext, order: JobOrder): Promise<Job> {
  const { kind, input } = await checkOrder(context, order);
  const known = kind === 'load_sample' ? await findOpenSample(context) : undefined;
  if (known !== undefined) return known;
  const job = toJob(await context.store.createJob({ id: randomUUID(), kind, input }));
  if (job === undefined) throw new Error('A job of this version was expected');
  return job;
}

async function findOpenSample({ store }: OperationsContext): Promise<Job | undefined> {
  const open = (await store.listJobs(maxPageSize)).find(
    ({ kind, state }) => kind === 'load_sample' && (state === 'queued' || state === 'running'),
  );
  return open && toJob(open);
}

async function checkOrder(context: OperationsContext, order: JobOrder): Promise<JobRequest> {
  const { store } = context;
  switch (order.kind) {
    case 'create_space': {
      const { name, method, sampleImages, seed } = order.input;
      requirePlainModels(await requireCreatable(store, { name, recipe: method, sampleImages, seed }));
      return order;
    }
    case 'backfill_space':
      await requireFillable(store, order.input.name);
      return order;
    case 'compare_spaces':
      await requireComparable(store, order.input);
      return order;
    case 'load_sample':
      return order;
    case 'train_scorer': {
      const { epochs, seed } = order.input;
      checkSeed(seed);
      if (epochs !== undefined) checkInteger('epochs', epochs, 1, maxScorerEpochs);
      return { ...order, input: { ...order.input, space: (await searchableSpace(context, order.input.space)).name } };
    }
    case 'index_regions':
      return { ...order, input: { space: (await searchableSpace(context, order.input.space)).name } };
  }
}

/** A client names models, and never paths of the server: it would learn from the answers what lies where. */
function requirePlainModels(recipe: Recipe): void {
  switch (recipe.kind) {
    case 'model':
      if (recipe.model === undefined || isModelName(recipe.model)) return;
      throw invalidArgument('method', 'the name of a model that the server has after "@"', recipe.model);
    case 'fusion':
      for (const part of recipe.parts) requirePlainModels(part.recipe);
      return;
    case 'pca':
    case 'class-fusion':
      requirePlainModels(recipe.of);
  }
}

/** `model` is a shorthand for the method that is that model and nothing else. */
export function methodOf({
  method,
  model,
}: {
  readonly method?: string | undefined;
  readonly model?: string | undefined;
}): string {
  if (method !== undefined && model === undefined) return method;
  if (model !== undefined && method === undefined) {
    if (isModelName(model) && parseRecipe(`@${model}`).kind === 'model') return `@${model}`;
    throw invalidArgument('model', 'the name of a model that the server has', model);
  }
  const received = method === undefined ? 'neither' : 'both';
  throw new SemblanceError('BAD_USER_INPUT', `Expected either method or model but received ${received}`);
}
