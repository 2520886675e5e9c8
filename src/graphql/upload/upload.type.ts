import { Field, ObjectType } from 'type-graphql';
import { Image } from '../image/image.type.js';

@ObjectType('UploadImagePayload')
export class UploadImagePayload {
  @Field(() => Image)
  readonly image!: Image;

  @Field(() => Boolean, {
    description: 'False where the same bytes were stored already: then image is that one, and nothing was written.',
  })
  readonly created!: boolean;
}

@ObjectType('UploadError')
export class UploadError {
  @Field(() => String)
  readonly code!: string;

  @Field(() => String)
  readonly message!: string;
}

@ObjectType('UploadImageResult', {
  description: 'One image out of several in a single request: either image or error is set.',
})
export class UploadImageResult {
  @Field(() => String)
  readonly filename!: string;

  @Field(() => Image, { nullable: true })
  readonly image?: Image | undefined;

  @Field(() => Boolean)
  readonly created!: boolean;

  @Field(() => UploadError, { nullable: true })
  readonly error?: UploadError | undefined;
}
