import { Field, ObjectType } from 'type-graphql';
import type { ImageFilter } from '../../store/types.js';
import { Image } from './image.type.js';

@ObjectType('ImageEdge')
export class ImageEdge {
  @Field(() => String)
  readonly cursor!: string;

  @Field(() => Image)
  readonly node!: Image;
}

@ObjectType('PageInfo')
export class PageInfo {
  @Field(() => Boolean)
  readonly hasNextPage!: boolean;

  @Field(() => Boolean)
  readonly hasPreviousPage!: boolean;

  @Field(() => String, { nullable: true })
  readonly startCursor?: string | undefined;

  @Field(() => String, { nullable: true })
  readonly endCursor?: string | undefined;
}

/** `totalCount` is counted only where it is asked for: image-connection.resolver.ts. */
@ObjectType('ImageConnection')
export class ImageConnection {
  @Field(() => [ImageEdge])
  readonly edges!: readonly ImageEdge[];

  @Field(() => PageInfo)
  readonly pageInfo!: PageInfo;

  readonly filter?: ImageFilter | undefined;
}
