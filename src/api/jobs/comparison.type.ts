import { Field, Float, ID, Int, ObjectType } from 'type-graphql';
import { maxComparedLabelBytes } from '../../base/limits.js';
import type { SpaceState } from '../../database/store.js';
import { SpaceStates } from '../../spaces/graphql/methods.type.js';

const labelDescription = `metadata.label, where that is text; no more than its first ${maxComparedLabelBytes} bytes.`;

@ObjectType('Interval', { description: 'A mean and its 95 % interval by the percentile bootstrap.' })
export class IntervalType {
  @Field(() => Float, { description: 'Over all queries.' })
  readonly mean!: number;

  @Field(() => Float, { description: 'The lower bound of the interval.' })
  readonly low!: number;

  @Field(() => Float, { description: 'The upper bound of the interval.' })
  readonly high!: number;
}

@ObjectType('ComparedSpace', { description: 'One of two spaces that were compared.' })
export class ComparedSpaceType {
  @Field(() => String, { description: 'As searches name it.' })
  readonly name!: string;

  @Field(() => String, { description: 'The notation of what it does.' })
  readonly description!: string;

  @Field(() => SpaceStates, { description: 'When the two were compared.' })
  readonly state!: SpaceState;

  @Field(() => Int, { description: 'Stored images that had no embedding in it.' })
  readonly missing!: number;

  @Field(() => Float, { description: 'Median time of a search in the database, in milliseconds.' })
  readonly searchMs!: number;

  @Field(() => Int, {
    description: 'Queries that the approximate index answered; the others were compared with every image.',
  })
  readonly byIndex!: number;
}

@ObjectType('ComparedImages', { description: 'The images behind a comparison, counted.' })
export class ComparedImagesType {
  @Field(() => Int, { description: 'In the gallery.' })
  readonly stored!: number;

  @Field(() => Int, { description: 'Held by both spaces: queries and results are of these alone.' })
  readonly shared!: number;
}

@ObjectType('PairedMeasure', { description: 'A measure of both spaces on the same queries.' })
export class PairedMeasureType {
  @Field(() => String, { description: 'As trec_eval prints it.' })
  readonly name!: string;

  @Field(() => String, { description: 'One sentence.' })
  readonly meaning!: string;

  @Field(() => IntervalType, { description: 'In the first space.' })
  readonly a!: IntervalType;

  @Field(() => IntervalType, { description: 'In the second space.' })
  readonly b!: IntervalType;

  @Field(() => IntervalType, {
    description: 'Of b minus a, query by query: an interval without 0 says that the difference holds.',
  })
  readonly difference!: IntervalType;
}

@ObjectType('LabelComparison', {
  description: "Which of the two finds images of the query's label, where images have a text metadata.label.",
})
export class LabelComparisonType {
  @Field(() => Int, { description: 'Queries that have a label.' })
  readonly labelled!: number;

  @Field(() => Int, { description: 'Those of a label that another image has, too: the measures run over them.' })
  readonly evaluated!: number;

  @Field(() => [PairedMeasureType], { description: 'None where evaluated is 0.' })
  readonly measures!: readonly PairedMeasureType[];
}

@ObjectType('ComparedHit', { description: 'An image that a compared space found.' })
export class ComparedHitType {
  @Field(() => ID, { description: 'Of the image that was found.' })
  readonly imageId!: string;

  @Field(() => String, { description: 'Of the image that was found.' })
  readonly filename!: string;

  @Field(() => String, { nullable: true, description: labelDescription })
  readonly label!: string | null;

  @Field(() => Float, { description: 'Cosine similarity to the query, -1 to 1.' })
  readonly similarity!: number;

  @Field(() => Boolean, { description: 'Whether it is among the first k of the other space, too.' })
  readonly shared!: boolean;
}

@ObjectType('DifferingQuery', { description: 'A stored image for which the two spaces find different images.' })
export class DifferingQueryType {
  @Field(() => ID, { description: 'Of the image that was searched for.' })
  readonly imageId!: string;

  @Field(() => String, { description: 'Of the image that was searched for.' })
  readonly filename!: string;

  @Field(() => String, { nullable: true, description: labelDescription })
  readonly label!: string | null;

  @Field(() => Float, { description: 'Share of the first k that both found.' })
  readonly overlap!: number;

  @Field(() => [ComparedHitType], { description: 'The first results.' })
  readonly a!: readonly ComparedHitType[];

  @Field(() => [ComparedHitType], { description: 'The first results.' })
  readonly b!: readonly ComparedHitType[];
}

@ObjectType('SpaceComparison', { description: 'How the results of two spaces differ, on a sample of stored images.' })
export class SpaceComparisonType {
  @Field(() => ComparedSpaceType, { description: 'The first of the two spaces.' })
  readonly a!: ComparedSpaceType;

  @Field(() => ComparedSpaceType, { description: 'The second of the two spaces.' })
  readonly b!: ComparedSpaceType;

  @Field(() => Float, { description: 'By which the sample was drawn.' })
  readonly seed!: number;

  @Field(() => Int, { description: 'Results whose overlap is told.' })
  readonly k!: number;

  @Field(() => Int, { description: 'Results that each search was asked for.' })
  readonly depth!: number;

  @Field(() => ComparedImagesType, { description: 'The images that the two have in common.' })
  readonly images!: ComparedImagesType;

  @Field(() => Int, {
    description: 'Images that were searched for, each in both spaces and left out of its own results.',
  })
  readonly queries!: number;

  @Field(() => Int, { description: 'Of the sample, but deleted before it was its turn.' })
  readonly deleted!: number;

  @Field(() => Int, {
    description:
      'Queries with fewer results than depth, for too many of what was found are missing in the other space.',
  })
  readonly short!: number;

  @Field(() => IntervalType, { description: 'Mean share of the first k results that both found.' })
  readonly overlap!: IntervalType;

  @Field(() => LabelComparisonType, { description: 'By the labels of the images, which of the two finds the better.' })
  readonly labels!: LabelComparisonType;

  @Field(() => [DifferingQueryType], { description: 'The queries of the lowest overlap, the lowest first.' })
  readonly mostDifferent!: readonly DifferingQueryType[];
}
