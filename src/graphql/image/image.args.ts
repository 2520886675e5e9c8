import { ArgsType, Field, ID, Int } from 'type-graphql';
import { defaultPageSize } from '../../limits.js';
import { JsonScalar } from '../scalars.js';
import { ImageFilterInput } from './image-filter.input.js';

// Classes keep the contract's order of arguments; parameter decorators, which run from right to left, would not.

@ArgsType()
export class ImagesArgs {
  @Field(() => Int, { defaultValue: defaultPageSize })
  readonly first!: number;

  @Field(() => String, { nullable: true })
  readonly after?: string | null;

  @Field(() => ImageFilterInput, { nullable: true })
  readonly filter?: ImageFilterInput | null;
}

@ArgsType()
export class UpdateImageArgs {
  @Field(() => ID)
  readonly id!: string;

  @Field(() => JsonScalar)
  readonly metadata!: unknown;
}
