import { ArgsType, Field, Float, ID, Int } from 'type-graphql';
import { defaultCandidates, defaultK, maxCandidates } from '../../base/limits.js';
import type { SearchInput } from '../search-input.js';
import type { RerankerName } from '../../methods/rerank/reranker.js';
import { ImageFilterInput, toImageFilter } from '../../images/graphql/image-filter.input.js';
import { UploadScalar } from '../../base/graphql/scalars.js';
import type { FileAtPath } from '../../base/graphql/uploaded-file.js';
import { RegionInput } from './region.type.js';
import { Rerank } from '../../methods/graphql/rerank.enum.js';

@ArgsType()
export class QueryImageArgs {
  @Field(() => ID, { description: 'Of the stored image to search for.' })
  readonly imageId!: string;
}

@ArgsType()
export class QueryFileArgs {
  @Field(() => UploadScalar, { description: 'The image to search for.' })
  readonly file!: FileAtPath;
}

/** What both searches take beside their query. */
@ArgsType()
export class SearchArgs {
  @Field(() => Int, { defaultValue: defaultK, description: 'How many images to find, 1 to 1000.' })
  readonly k!: number;

  @Field(() => Float, { nullable: true, description: 'Leaves out what is less similar, -1 to 1.' })
  readonly minSimilarity?: number | null;

  @Field(() => ImageFilterInput, { nullable: true, description: 'Finds those images alone that pass it.' })
  readonly filter?: ImageFilterInput | null;

  @Field(() => String, {
    nullable: true,
    description: 'Name of an active or ready space, as methods lists them; the active one unless given.',
  })
  readonly space?: string | null;

  @Field(() => Rerank, {
    nullable: true,
    description: 'Orders the candidates anew. filter and minSimilarity choose among the candidates, before.',
  })
  readonly rerank?: RerankerName | null;

  @Field(() => Int, {
    nullable: true,
    description: `How many of the nearest by cosine are re-ranked: k to ${maxCandidates}; unless given ${defaultCandidates}, or k where that is more. Without rerank it changes nothing.`,
  })
  readonly candidates?: number | null;

  @Field(() => RegionInput, { nullable: true, description: 'Searches for that part of the query alone.' })
  readonly region?: RegionInput | null;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description:
      'Compares with parts of the stored images, too, where `semblance index-regions` has added them: finds an image by an object in it. Not with rerank.',
  })
  readonly searchRegions?: boolean | null;
}

/** GraphQL's null means the same as an argument that was left out. */
export function toSearchInput(args: SearchArgs): SearchInput {
  return {
    k: args.k,
    minSimilarity: args.minSimilarity ?? undefined,
    filter: toImageFilter(args.filter),
    space: args.space ?? undefined,
    rerank: args.rerank ?? undefined,
    candidates: args.candidates ?? undefined,
    region: args.region ?? undefined,
    searchRegions: args.searchRegions ?? undefined,
  };
}
