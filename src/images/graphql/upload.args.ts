import { ArgsType, Field } from 'type-graphql';
import { JsonScalar, UploadScalar } from '../../base/graphql/scalars.js';
import type { FileAtPath } from '../../base/graphql/uploaded-file.js';

@ArgsType()
export class UploadImageArgs {
  @Field(() => UploadScalar, { description: 'The image.' })
  readonly file!: FileAtPath;

  @Field(() => JsonScalar, {
    nullable: true,
    description: 'What to store with the image: an object of at most 8 KiB of JSON.',
  })
  readonly metadata?: unknown;
}

@ArgsType()
export class UploadImagesArgs {
  @Field(() => [UploadScalar], { description: 'The images, at most 20.' })
  readonly files!: readonly FileAtPath[];

  @Field(() => JsonScalar, {
    nullable: true,
    description: 'What to store with each of them: an object of at most 8 KiB of JSON.',
  })
  readonly metadata?: unknown;
}
