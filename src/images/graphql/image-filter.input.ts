import { Field, InputType } from 'type-graphql';
import type { ImageFilter, Metadata } from '../../database/types.js';
import { DateTimeScalar, JsonScalar } from '../../base/graphql/scalars.js';

@InputType('ImageFilter', { description: 'Keeps an image where every field that is given holds.' })
export class ImageFilterInput {
  @Field(() => JsonScalar, {
    nullable: true,
    description: "JSON containment: the image's metadata holds at least these keys and values.",
  })
  readonly metadata?: unknown;

  @Field(() => String, {
    nullable: true,
    description: 'Case-insensitive substring of the filename; no character is a wildcard.',
  })
  readonly filenameContains?: string | null;

  @Field(() => String, { nullable: true, description: 'Lower-case hex.' })
  readonly sha256?: string | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'Both bounds inclusive.' })
  readonly createdAfter?: Date | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'Both bounds inclusive.' })
  readonly createdBefore?: Date | null;
}

/** GraphQL's null means the same as a field that was left out. */
export function toImageFilter(input: ImageFilterInput | null | undefined): ImageFilter | undefined {
  if (input === null || input === undefined) return undefined;
  return {
    // Whether it is an object is for the operations to judge.
    metadata: (input.metadata ?? undefined) as Metadata | undefined,
    filenameContains: input.filenameContains ?? undefined,
    sha256: input.sha256 ?? undefined,
    createdAfter: input.createdAfter ?? undefined,
    createdBefore: input.createdBefore ?? undefined,
  };
}
