import { Arg, Args, Ctx, ID, Int, Mutation, Query, Resolver } from 'type-graphql';
import { defaultPageSize } from '../../base/limits.js';
import { methodOf } from './start-job.js';
import type { RequestContext } from '../context.js';
import { CompareSpacesArgs, CreateSpaceArgs, TrainScorerArgs } from './job.args.js';
import { JobType } from './job.type.js';

/** Mutations that begin a job, and what is asked of jobs. */
@Resolver()
export class JobResolver {
  @Query(() => JobType, { nullable: true, description: 'Null where there is none, as of an old one that has ended.' })
  async job(
    @Arg('id', () => ID, { description: 'Of the job.' }) id: string,
    @Ctx() { operations }: RequestContext,
  ): Promise<JobType | undefined> {
    return operations.findJob(id);
  }

  @Query(() => [JobType], { description: 'Newest first; first is 1 to 100.' })
  async jobs(
    @Arg('first', () => Int, { defaultValue: defaultPageSize, description: 'Jobs to list, 1 to 100.' }) first: number,
    @Ctx() { operations }: RequestContext,
  ): Promise<readonly JobType[]> {
    return operations.listJobs(first);
  }

  @Mutation(() => JobType, {
    description:
      'Stops it; what it has written stays. One that has ended stays as it is. NOT_FOUND where there is none.',
  })
  async cancelJob(
    @Arg('id', () => ID, { description: 'Of the job.' }) id: string,
    @Ctx() { operations }: RequestContext,
  ): Promise<JobType> {
    return operations.cancelJob(id);
  }

  @Mutation(() => JobType, {
    description:
      'Makes a space of a method or a model, fitted on stored images, and unless told otherwise embeds the stored images in it. Searches go on, and uploads are embedded for it as well from then on. Once no image is missing it is READY.',
  })
  async createSpace(
    @Args(() => CreateSpaceArgs) { name, method, model, sampleImages, seed, backfill }: CreateSpaceArgs,
    @Ctx() { operations }: RequestContext,
  ): Promise<JobType> {
    const notation = methodOf({ method: method ?? undefined, model: model ?? undefined });
    const input = { name, method: notation, sampleImages, seed: seed ?? undefined, backfill };
    return operations.startJob({ kind: 'create_space', input });
  }

  @Mutation(() => JobType, {
    description:
      'Embeds the stored images that a space lacks, behind all queries. Begun again, it goes on where it stopped.',
  })
  async backfillSpace(
    @Arg('name', () => String, { description: 'Of the space.' }) name: string,
    @Ctx() { operations }: RequestContext,
  ): Promise<JobType> {
    return operations.startJob({ kind: 'backfill_space', input: { name } });
  }

  @Mutation(() => JobType, { description: 'Searches two spaces for the same stored images and tells how they differ.' })
  async compareSpaces(
    @Args(() => CompareSpacesArgs) { seed, ...input }: CompareSpacesArgs,
    @Ctx() { operations }: RequestContext,
  ): Promise<JobType> {
    return operations.startJob({ kind: 'compare_spaces', input: { ...input, seed: seed ?? undefined } });
  }

  @Mutation(() => JobType, { description: 'Draws a few hundred pictures and stores them, to try searches on.' })
  async loadSample(@Ctx() { operations }: RequestContext): Promise<JobType> {
    return operations.startJob({ kind: 'load_sample', input: {} });
  }

  @Mutation(() => JobType, {
    description:
      'Trains a learned similarity on the stored images that have a text metadata.label, in place of a former one of its kind.',
  })
  async trainScorer(
    @Args(() => TrainScorerArgs) { kind, space, seed, epochs }: TrainScorerArgs,
    @Ctx() { operations }: RequestContext,
  ): Promise<JobType> {
    const input = { kind, space: space ?? undefined, seed: seed ?? undefined, epochs: epochs ?? undefined };
    return operations.startJob({ kind: 'train_scorer', input });
  }

  @Mutation(() => JobType, {
    description: 'Embeds parts of every stored image that has none in the space, for searchRegions.',
  })
  async indexRegions(
    @Arg('space', () => String, { nullable: true, description: 'The active one unless given.' })
    space: string | undefined,
    @Ctx() { operations }: RequestContext,
  ): Promise<JobType> {
    return operations.startJob({ kind: 'index_regions', input: { space: space ?? undefined } });
  }
}
