import { ArgsType, Field } from 'type-graphql';
import { JsonScalar, UploadScalar } from '../scalars.js';
import type { FileAtPath } from './uploaded-file.js';

@ArgsType()
export class UploadImageArgs {
  @Field(() => UploadScalar)
  readonly file!: FileAtPath;

  @Field(() => JsonScalar, { nullable: true })
  readonly metadata?: unknown;
}

@ArgsType()
export class UploadImagesArgs {
  @Field(() => [UploadScalar])
  readonly files!: readonly FileAtPath[];

  @Field(() => JsonScalar, { nullable: true })
  readonly metadata?: unknown;
}
