import { checkId, checkPageSize } from '../../base/arguments.js';
import { SemblanceError } from '../../base/errors.js';
import type { JobRunner } from '../../jobs/runner.js';
import type { OperationsContext } from '../../spaces/context.js';
import { toJob, type Job } from './requests.js';
import { startJob, type JobOrder } from './start-job.js';

export interface JobOperations {
  /** Begins it and answers at once; it outlives this server. OVERLOADED where `maxOpenJobs` wait or run. */
  startJob(order: JobOrder): Promise<Job>;
  findJob(id: string): Promise<Job | undefined>;
  /** Newest first. */
  listJobs(first: number): Promise<readonly Job[]>;
  /** What it has written stays. One that has ended stays as it is. NOT_FOUND where there is none. */
  cancelJob(id: string): Promise<Job>;
}

/** @param runner of this process, if it works on jobs */
export function createJobOperations(
  context: OperationsContext,
  runner: Pick<JobRunner, 'wake' | 'stop'> | undefined,
): JobOperations {
  const { store } = context;
  return {
    startJob: async (order) => {
      const job = await startJob(context, order);
      runner?.wake();
      return job;
    },
    findJob: async (id) => {
      const job = await store.findJob(checkId(id));
      return job && toJob(job);
    },
    listJobs: async (first) => (await store.listJobs(checkPageSize(first))).flatMap((job) => toJob(job) ?? []),
    cancelJob: async (id) => {
      const checked = checkId(id);
      const found = await store.cancelJob(checked);
      if (found?.state === 'cancelled') runner?.stop(checked);
      const job = found && toJob(found);
      if (job === undefined) throw new SemblanceError('NOT_FOUND', `There is no job ${checked}`);
      return job;
    },
  };
}
