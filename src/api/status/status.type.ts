import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import type { StoreKind } from '../../database/store.js';

/** GraphQL's names of the stores. */
export const Store = { EMBEDDED: 'embedded', MEMORY: 'memory', SERVER: 'server' } as const satisfies Record<
  string,
  StoreKind
>;

registerEnumType(Store, {
  name: 'Store',
  description: 'Where a server keeps its images.',
  valuesConfig: {
    EMBEDDED: { description: 'In the Postgres that it runs itself, in a folder on its disk.' },
    MEMORY: { description: 'In its memory: they are gone when it ends.' },
    SERVER: { description: 'In a Postgres server.' },
  },
});

@ObjectType('Status', { description: 'What this server is and holds.' })
export class Status {
  @Field(() => String, { description: 'Of the server.' })
  readonly version!: string;

  @Field(() => Int, { description: 'Stored images.' })
  readonly imageCount!: number;

  @Field(() => String, { description: 'The embedding space that searches use, and the model behind it.' })
  readonly activeSpace!: string;

  @Field(() => String, { description: 'Name of the model behind the active space.' })
  readonly model!: string;

  @Field(() => Int, { description: 'Of the embeddings of the active space.' })
  readonly dimensions!: number;

  @Field(() => Store, { description: 'Where the images are kept.' })
  readonly store!: StoreKind;
}
