import type { ApolloClient, TypedDocumentNode } from '@apollo/client';
import { Kind, OperationTypeNode, type FieldNode } from 'graphql';

/** Images that one operation asks about: the server takes 120 aliases in one. */
const maxAsked = 100;

/** What stands under each alias; null where there is no such image. */
type Answer = Readonly<Record<string, { readonly id: string } | null>>;

/** Those of the images that the server no longer has. */
export async function findDeleted(client: ApolloClient, ids: readonly string[]): Promise<readonly string[]> {
  const deleted: string[] = [];
  for (let start = 0; start < ids.length; start += maxAsked) {
    const asked = ids.slice(start, start + maxAsked);
    const { data } = await client.query({ query: askFor(asked), fetchPolicy: 'no-cache' });
    deleted.push(...asked.filter((_, index) => data?.[aliasOf(index)] === null));
  }
  return deleted;
}

/**
 * `query StillStored { image0: image(id: "…") { id } … }`: a document of the page cannot hold a number of fields that is
 * known only later, and the parser of GraphQL is not loaded for one query.
 */
function askFor(ids: readonly string[]): TypedDocumentNode<Answer, Record<string, never>> {
  const selections = ids.map((id, index): FieldNode => ({
    kind: Kind.FIELD,
    alias: nameOf(aliasOf(index)),
    name: nameOf('image'),
    arguments: [{ kind: Kind.ARGUMENT, name: nameOf('id'), value: { kind: Kind.STRING, value: id } }],
    selectionSet: { kind: Kind.SELECTION_SET, selections: [{ kind: Kind.FIELD, name: nameOf('id') }] },
  }));
  return {
    kind: Kind.DOCUMENT,
    definitions: [
      {
        kind: Kind.OPERATION_DEFINITION,
        operation: OperationTypeNode.QUERY,
        name: nameOf('StillStored'),
        selectionSet: { kind: Kind.SELECTION_SET, selections },
      },
    ],
  };
}

function aliasOf(index: number): string {
  return `image${index}`;
}

function nameOf(value: string) {
  return { kind: Kind.NAME, value } as const;
}
