import { createAccessOperations, type AccessOperations } from '../access/access-operations.js';
import { createImageOperations, type ImageOperations } from '../images/image-operations.js';
import type { JobRunner } from '../jobs/runner.js';
import { createSearchOperations, type SearchOperations } from '../search/search-operations.js';
import type { OperationsContext } from '../spaces/context.js';
import { createSpaceOperations, type SpaceOperations } from '../spaces/space-operations.js';
import { createJobOperations, type JobOperations } from './jobs/job-operations.js';
import { readHealth, readStatus, type Health, type ServerStatus } from './status/status.js';

/** All that the product does. GraphQL, HTTP and the command line are doors to it and check no argument themselves. */
export interface Operations
  extends ImageOperations, SearchOperations, SpaceOperations, JobOperations, AccessOperations {
  status(): Promise<ServerStatus>;
  sizeBytes(): Promise<number>;
  health(): Promise<Health>;
}

/** @param runner of this process, if it works on jobs */
export function createOperations(context: OperationsContext, runner?: Pick<JobRunner, 'wake' | 'stop'>): Operations {
  const { store } = context;
  return {
    ...createImageOperations(context),
    ...createSearchOperations(context),
    ...createSpaceOperations(context),
    ...createJobOperations(context, runner),
    ...createAccessOperations(store),
    status: () => readStatus(context),
    sizeBytes: () => store.sizeBytes(),
    health: () => readHealth(context),
  };
}
