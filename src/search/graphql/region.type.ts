import { Field, Float, InputType, ObjectType } from 'type-graphql';

const description = 'A part of an image, in shares of its sides from 0 to 1.';
const xDescription = 'Of the left edge; 0 is that of the image.';
const yDescription = 'Of the upper edge; 0 is that of the image.';
const widthDescription = 'Above 0, and x + width at most 1.';
const heightDescription = 'Above 0, and y + height at most 1.';

@ObjectType('Region', { description })
export class RegionType {
  @Field(() => Float, { description: xDescription })
  readonly x!: number;

  @Field(() => Float, { description: yDescription })
  readonly y!: number;

  @Field(() => Float, { description: widthDescription })
  readonly width!: number;

  @Field(() => Float, { description: heightDescription })
  readonly height!: number;
}

@InputType('RegionInput', { description })
export class RegionInput {
  @Field(() => Float, { description: xDescription })
  readonly x!: number;

  @Field(() => Float, { description: yDescription })
  readonly y!: number;

  @Field(() => Float, { description: widthDescription })
  readonly width!: number;

  @Field(() => Float, { description: heightDescription })
  readonly height!: number;
}
