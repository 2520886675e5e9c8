import { Field, ObjectType } from 'type-graphql';
import type { ImageFilter } from '../../database/types.js';
import { Image } from './image.type.js';

@ObjectType('ImageEdge', { description: 'An image in a list, with its place there.' })
export class ImageEdge {
  @Field(() => String, { description: 'To give as after, for the images that follow this one.' })
  readonly cursor!: string;

  @Field(() => Image, { description: 'The image.' })
  readonly node!: Image;
}

@ObjectType('PageInfo', { description: 'Where a page stands in its list.' })
export class PageInfo {
  @Field(() => Boolean, { description: 'Whether older images follow.' })
  readonly hasNextPage!: boolean;

  @Field(() => Boolean, { description: 'Whether newer images precede.' })
  readonly hasPreviousPage!: boolean;

  @Field(() => String, { nullable: true, description: 'Of the first edge; null where there is none.' })
  readonly startCursor?: string | undefined;

  @Field(() => String, {
    nullable: true,
    description: 'Of the last edge, to give as after for the next page; null where there is none.',
  })
  readonly endCursor?: string | undefined;
}

/** `totalCount` is counted only where it is asked for: image-connection.resolver.ts. */
@ObjectType('ImageConnection', { description: 'A page of images.' })
export class ImageConnection {
  @Field(() => [ImageEdge], { description: 'The images of this page, newest first.' })
  readonly edges!: readonly ImageEdge[];

  @Field(() => PageInfo, { description: 'Where this page stands among all images that pass the filter.' })
  readonly pageInfo!: PageInfo;

  readonly filter?: ImageFilter | undefined;
}
