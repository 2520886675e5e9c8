import { ArgsType, Field } from 'type-graphql';

@ArgsType()
export class ActivateSpaceArgs {
  @Field(() => String, { description: 'Of the space.' })
  readonly name!: string;

  @Field(() => Boolean, {
    defaultValue: false,
    description: 'Although images are missing in it: those are not found until a backfill has embedded them.',
  })
  readonly force!: boolean;
}
