import { Field, ID, Int, ObjectType } from 'type-graphql';
import { DateTimeScalar, JsonScalar } from '../../base/graphql/scalars.js';

/** What is stored of an image; image.resolver.ts adds its paths and its neighbours. */
@ObjectType('Image', { description: 'An image that is stored, embedded and searchable.' })
export class Image {
  @Field(() => ID, {
    description: 'Made of the SHA-256 of the original bytes: the same file has the same id in every database.',
  })
  readonly id!: string;

  @Field(() => String, { description: 'The name it was uploaded under, without any folder.' })
  readonly filename!: string;

  @Field(() => String, {
    description:
      "What the bytes are, from the bytes themselves and never from the client's word: image/jpeg, image/png, ...",
  })
  readonly mediaType!: string;

  @Field(() => Int, { description: 'Pixels, after the EXIF orientation has been applied.' })
  readonly width!: number;

  @Field(() => Int, { description: 'Pixels, after the EXIF orientation has been applied.' })
  readonly height!: number;

  @Field(() => Int, { description: 'Bytes of the original.' })
  readonly byteSize!: number;

  @Field(() => String, { description: 'Lower-case hex of the SHA-256 of the original bytes.' })
  readonly sha256!: string;

  @Field(() => JsonScalar, {
    description: 'What the client stored with the image: an object of at most 8 KiB of JSON, {} where it gave nothing.',
  })
  readonly metadata!: Readonly<Record<string, unknown>>;

  @Field(() => DateTimeScalar, { description: 'To the millisecond.' })
  readonly createdAt!: Date;
}
