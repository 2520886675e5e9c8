import type { FileUpload } from 'graphql-upload-ts';
import { ArgsType, Field } from 'type-graphql';
import { JsonScalar, UploadScalar } from '../scalars.js';

@ArgsType()
export class UploadImageArgs {
  @Field(() => UploadScalar)
  readonly file!: Promise<FileUpload>;

  @Field(() => JsonScalar, { nullable: true })
  readonly metadata?: unknown;
}

@ArgsType()
export class UploadImagesArgs {
  @Field(() => [UploadScalar])
  readonly files!: readonly Promise<FileUpload>[];

  @Field(() => JsonScalar, { nullable: true })
  readonly metadata?: unknown;
}
