import { Field, Float, ID, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { Job, JobKind, JobResult } from './requests.js';
import type { JobState } from '../../database/store.js';
import { DateTimeScalar } from '../../base/graphql/scalars.js';
import { SpaceComparisonType } from './comparison.type.js';

/** GraphQL's names. */
export const JobKinds = {
  CREATE_SPACE: 'create_space',
  BACKFILL_SPACE: 'backfill_space',
  COMPARE_SPACES: 'compare_spaces',
  LOAD_SAMPLE: 'load_sample',
  TRAIN_SCORER: 'train_scorer',
  INDEX_REGIONS: 'index_regions',
} as const satisfies Record<string, JobKind>;

registerEnumType(JobKinds, {
  name: 'JobKind',
  description: 'The mutation that began it.',
  valuesConfig: {
    CREATE_SPACE: { description: 'Makes a space, fits it on stored images, and fills it.' },
    BACKFILL_SPACE: { description: 'Embeds the stored images that a space lacks.' },
    COMPARE_SPACES: { description: 'Searches two spaces for the same images.' },
    LOAD_SAMPLE: { description: 'Draws pictures and stores them.' },
    TRAIN_SCORER: { description: 'Trains a learned similarity.' },
    INDEX_REGIONS: { description: 'Embeds parts of the stored images.' },
  },
});

export const JobStates = {
  QUEUED: 'queued',
  RUNNING: 'running',
  DONE: 'done',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
} as const satisfies Record<string, JobState>;

registerEnumType(JobStates, {
  name: 'JobState',
  description: 'How far a job has come.',
  valuesConfig: {
    QUEUED: { description: 'Waits for a server; also one whose server was stopped, until another goes on with it.' },
    RUNNING: { description: 'A server works on it.' },
    DONE: { description: 'result says what came of it.' },
    FAILED: { description: 'error says why. What it has written stays.' },
    CANCELLED: { description: 'By cancelJob. What it has written stays.' },
  },
});

@ObjectType('JobError', { description: 'Why a job failed.' })
export class JobErrorType {
  @Field(() => String, { description: 'As extensions.code of an error.' })
  readonly code!: string;

  @Field(() => String, { description: 'What failed, in a sentence.' })
  readonly message!: string;
}

@ObjectType('JobFailure', { description: 'An image that a job passed over.' })
export class JobFailureType {
  @Field(() => ID, { nullable: true, description: 'Of a stored image.' })
  readonly imageId?: string | undefined;

  @Field(() => String, { nullable: true, description: 'Of one that was to be stored.' })
  readonly filename?: string | undefined;

  @Field(() => String, { description: 'Why, in a sentence.' })
  readonly message!: string;
}

@ObjectType('JobResult', { description: 'What a job answers: null is what its kind does not speak of.' })
export class JobResultType implements JobResult {
  @Field(() => String, { nullable: true, description: 'The space that was made, filled, trained or indexed.' })
  readonly space?: string | undefined;

  @Field(() => String, { nullable: true, description: 'CREATE_SPACE: the notation of what was fitted.' })
  readonly description?: string | undefined;

  @Field(() => Int, { nullable: true, description: 'CREATE_SPACE.' })
  readonly dimensions?: number | undefined;

  @Field(() => Int, {
    nullable: true,
    description: 'CREATE_SPACE: images that it was fitted on. Null where a server did so that was stopped afterwards.',
  })
  readonly sampled?: number | undefined;

  @Field(() => Float, {
    nullable: true,
    description:
      'CREATE_SPACE: where the method gives more numbers than a space holds, the share of the ten nearest by all of them, 0 to 1, that are among the ten nearest by those it holds.',
  })
  readonly neighboursKept?: number | undefined;

  @Field(() => Int, {
    nullable: true,
    description: 'CREATE_SPACE, BACKFILL_SPACE: images that the last server to work on it embedded.',
  })
  readonly embedded?: number | undefined;

  @Field(() => Int, {
    nullable: true,
    description: 'CREATE_SPACE, BACKFILL_SPACE: stored images without an embedding in the space.',
  })
  readonly missing?: number | undefined;

  @Field(() => Int, { nullable: true, description: 'INDEX_REGIONS: images whose parts were embedded.' })
  readonly indexed?: number | undefined;

  @Field(() => Int, { nullable: true, description: 'LOAD_SAMPLE: images that were stored.' })
  readonly imported?: number | undefined;

  @Field(() => Int, { nullable: true, description: 'LOAD_SAMPLE: images that were stored already.' })
  readonly known?: number | undefined;

  @Field(() => Int, { nullable: true, description: 'TRAIN_SCORER: labelled images that it was trained on.' })
  readonly trainedOn?: number | undefined;

  @Field(() => Int, { nullable: true, description: 'TRAIN_SCORER: their labels.' })
  readonly classes?: number | undefined;

  @Field(() => SpaceComparisonType, { nullable: true, description: 'COMPARE_SPACES.' })
  readonly comparison?: SpaceComparisonType | undefined;

  @Field(() => Int, { description: 'Images that were passed over.' })
  readonly failedCount!: number;

  @Field(() => [JobFailureType], { description: 'The first 100 of these.' })
  readonly failed!: readonly JobFailureType[];
}

@ObjectType('Job', {
  description: 'Long work that a mutation began. It outlives the request and the server: poll job(id).',
})
export class JobType implements Omit<Job, 'error' | 'result'> {
  @Field(() => ID, { description: 'To ask for it by job(id).' })
  readonly id!: string;

  @Field(() => JobKinds, { description: 'What it does.' })
  readonly kind!: JobKind;

  @Field(() => JobStates, { description: 'How far it has come.' })
  readonly state!: JobState;

  @Field(() => [String], { description: 'Names of the spaces that it works on: one, or the two that are compared.' })
  readonly spaces!: readonly string[];

  @Field(() => String, { description: 'What it is at, in words; empty before it has begun.' })
  readonly stage!: string;

  @Field(() => Int, { description: 'Items of that stage that are done. Written at most once a second.' })
  readonly done!: number;

  @Field(() => Int, { description: 'Items of that stage; 0 where its end is not known.' })
  readonly total!: number;

  @Field(() => DateTimeScalar, { description: 'When the mutation began it.' })
  readonly createdAt!: Date;

  @Field(() => DateTimeScalar, { nullable: true, description: 'When a server first began with it.' })
  readonly startedAt!: Date | undefined;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When it was done, had failed or was cancelled; null until then.',
  })
  readonly finishedAt!: Date | undefined;

  @Field(() => JobErrorType, { nullable: true, description: 'Where it is FAILED.' })
  readonly error?: JobErrorType | undefined;

  @Field(() => JobResultType, { nullable: true, description: 'Where it is DONE.' })
  readonly result?: JobResultType | undefined;
}
