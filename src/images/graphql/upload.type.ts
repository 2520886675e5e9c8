import { Field, ObjectType } from 'type-graphql';
import { Image } from './image.type.js';

@ObjectType('UploadImagePayload', { description: 'What uploadImage did.' })
export class UploadImagePayload {
  @Field(() => Image, { description: 'The image that was stored, now or before.' })
  readonly image!: Image;

  @Field(() => Boolean, {
    description: 'False where the same bytes were stored already: then image is that one, and nothing was written.',
  })
  readonly created!: boolean;
}

@ObjectType('UploadError', { description: 'Why a file was not stored.' })
export class UploadError {
  @Field(() => String, { description: 'As extensions.code of an error.' })
  readonly code!: string;

  @Field(() => String, { description: 'What is wrong with the file, in a sentence.' })
  readonly message!: string;
}

@ObjectType('UploadImageResult', {
  description: 'One image out of several in a single request: either image or error is set.',
})
export class UploadImageResult {
  @Field(() => String, { description: 'As it is stored, or would have been.' })
  readonly filename!: string;

  @Field(() => Image, {
    nullable: true,
    description: 'The image that was stored, now or before; null where error is set.',
  })
  readonly image?: Image | undefined;

  @Field(() => Boolean, { description: 'False where the same bytes were stored already, and where error is set.' })
  readonly created!: boolean;

  @Field(() => UploadError, { nullable: true, description: 'Why this file was not stored; null where image is set.' })
  readonly error?: UploadError | undefined;
}
