import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { StoreKind } from '../../store/store.js';

/** GraphQL's names of the stores. */
export const Store = { EMBEDDED: 'embedded', MEMORY: 'memory', SERVER: 'server' } as const satisfies Record<
  string,
  StoreKind
>;

registerEnumType(Store, { name: 'Store' });

@ObjectType('Status', { description: 'What this server is and holds.' })
export class Status {
  @Field(() => String)
  readonly version!: string;

  @Field(() => Int)
  readonly imageCount!: number;

  @Field(() => String, { description: 'The embedding space that searches use, and the model behind it.' })
  readonly activeSpace!: string;

  @Field(() => String)
  readonly model!: string;

  @Field(() => Int)
  readonly dimensions!: number;

  @Field(() => Store)
  readonly store!: StoreKind;
}
