import { ArgsType, Field, ID, Int } from 'type-graphql';
import { defaultPageSize } from '../../base/limits.js';
import { JsonScalar } from '../../base/graphql/scalars.js';
import { ImageFilterInput } from './image-filter.input.js';

// Classes keep the contract's order of arguments; parameter decorators, which run from right to left, would not.

@ArgsType()
export class ImagesArgs {
  @Field(() => Int, { defaultValue: defaultPageSize, description: 'Images on a page, 1 to 100.' })
  readonly first!: number;

  @Field(() => String, {
    nullable: true,
    description: 'The endCursor of the page before; the newest images unless given.',
  })
  readonly after?: string | null;

  @Field(() => ImageFilterInput, { nullable: true, description: 'Lists those images alone that pass it.' })
  readonly filter?: ImageFilterInput | null;
}

@ArgsType()
export class UpdateImageArgs {
  @Field(() => ID, { description: 'Of the image.' })
  readonly id!: string;

  @Field(() => JsonScalar, { description: 'An object of at most 8 KiB of JSON, in place of what was stored.' })
  readonly metadata!: unknown;
}
