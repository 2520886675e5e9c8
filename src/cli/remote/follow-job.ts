import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { SemblanceError } from '../../base/errors.js';
import type { OnProgress } from '../../base/progress.js';
import { defaultRetryWaitsMs, retrying } from '../../base/concurrency/retrying.js';
import { enumSchema } from './enum-schema.js';
import { ServerRefusal, type GraphqlClient } from './graphql-client.js';
import { note } from '../output.js';

const jobSchema = z.object({
  id: z.string(),
  /** A job in any other state, which a newer server may have, has not ended. */
  state: enumSchema<'QUEUED' | 'RUNNING' | 'DONE' | 'FAILED' | 'CANCELLED'>(),
  stage: z.string(),
  done: z.number(),
  total: z.number(),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  result: z.unknown(),
});

export interface JobDocument<T> {
  /** A mutation that answers a job, with its arguments as variables of the same names. */
  readonly mutation: string;
  /** GraphQL's types of those arguments. */
  readonly types: Readonly<Record<string, string>>;
  readonly variables: Readonly<Record<string, unknown>>;
  /** What is asked of its result, as GraphQL writes it and as it is then. */
  readonly fields: string;
  readonly result: z.ZodType<T>;
}

export interface FollowOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

const pollIntervalMs = 500;

/**
 * Begins a job on a server and follows it to its end. Where the server is away for a moment, it is asked again.
 * @throws SemblanceError with the job's code; `signal`'s reason once the job was cancelled because of it
 */
export async function followJob<T>(
  client: GraphqlClient,
  document: JobDocument<T>,
  { signal, onProgress }: FollowOptions,
): Promise<T> {
  signal?.throwIfAborted();
  const fields = `id state stage done total error { code message } result { ${document.fields} }`;
  const ask = async (query: string, variables: Readonly<Record<string, unknown>>) => {
    const { data } = await client.query(z.object({ job: jobSchema.nullable() }), query, variables);
    if (data.job === null) throw new SemblanceError('NOT_FOUND', 'The server knows the job no more');
    return data.job;
  };

  const types = Object.entries(document.types);
  const parameters = types.map(([name, type]) => `$${name}: ${type}`).join(', ');
  const args = types.map(([name]) => `${name}: $${name}`).join(', ');
  let job = await ask(
    `mutation (${parameters}) { job: ${document.mutation}(${args}) { ${fields} } }`,
    document.variables,
  );
  const { id } = job;
  for (let polls = 0, asked = false; ; polls++) {
    if (job.stage !== '') onProgress?.({ stage: job.stage, done: job.done, total: job.total });
    if (job.state === 'DONE') return document.result.parse(job.result);
    if (job.state === 'FAILED') throw new ServerRefusal(job.error?.message ?? 'The job failed', job.error?.code);
    if (job.state === 'CANCELLED') {
      signal?.throwIfAborted();
      throw new SemblanceError('CONFLICT', 'Somebody cancelled the job');
    }
    if (job.state === 'QUEUED' && polls === 2) note('The server has other jobs to do first: waiting.');
    if (signal?.aborted === true && !asked) {
      asked = true;
      job = await ask(`mutation ($id: ID!) { job: cancelJob(id: $id) { ${fields} } }`, { id });
      continue;
    }
    await setTimeout(pollIntervalMs, undefined, { signal: asked ? undefined : signal }).catch(() => undefined);
    job = await retrying(
      () => ask(`query ($id: ID!) { job(id: $id) { ${fields} } }`, { id }),
      defaultRetryWaitsMs,
      undefined,
    ).catch(explainAway);
  }
}

function explainAway(error: unknown): never {
  if (!(error instanceof SemblanceError && error.code === 'DATABASE_UNAVAILABLE')) throw error;
  throw new SemblanceError(
    error.code,
    `${error.message} any more. It goes on with the job once it is started again: run the same command then.`,
    { cause: error },
  );
}
