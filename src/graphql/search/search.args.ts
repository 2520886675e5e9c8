import type { FileUpload } from 'graphql-upload-ts';
import { ArgsType, Field, Float, ID, Int } from 'type-graphql';
import { defaultK } from '../../limits.js';
import { ImageFilterInput } from '../image/image-filter.input.js';
import { UploadScalar } from '../scalars.js';

@ArgsType()
export class SimilarImagesArgs {
  @Field(() => ID)
  readonly imageId!: string;

  @Field(() => Int, { defaultValue: defaultK })
  readonly k!: number;

  @Field(() => Float, { nullable: true })
  readonly minSimilarity?: number | null;

  @Field(() => ImageFilterInput, { nullable: true })
  readonly filter?: ImageFilterInput | null;
}

@ArgsType()
export class SearchByUploadArgs {
  @Field(() => UploadScalar)
  readonly file!: Promise<FileUpload>;

  @Field(() => Int, { defaultValue: defaultK })
  readonly k!: number;

  @Field(() => Float, { nullable: true })
  readonly minSimilarity?: number | null;

  @Field(() => ImageFilterInput, { nullable: true })
  readonly filter?: ImageFilterInput | null;
}
