import { OperationTypeNode, type FieldNode, type GraphQLSchema } from 'graphql';
import type { Scope } from '../base/config.js';
import { requireScope, type Caller } from '../access/caller.js';

/** What each field of Query and Mutation takes: the one place that says so. */
export const fieldScopes: Readonly<Record<'query' | 'mutation', Readonly<Record<string, Scope>>>> = {
  query: {
    image: 'read',
    images: 'read',
    job: 'read',
    jobs: 'read',
    methods: 'read',
    searchByUpload: 'read',
    similarImages: 'read',
    spaces: 'read',
    status: 'read',
    // What it says of the schema, SEMBLANCE_INTROSPECTION decides.
    __schema: 'read',
    __type: 'read',
    __typename: 'read',
  },
  mutation: {
    deleteImage: 'write',
    // It stores pictures and does nothing else.
    loadSample: 'write',
    updateImage: 'write',
    uploadImage: 'write',
    uploadImages: 'write',
    activateSpace: 'admin',
    backfillSpace: 'admin',
    cancelJob: 'admin',
    compareSpaces: 'admin',
    createSpace: 'admin',
    indexRegions: 'admin',
    removeSpace: 'admin',
    retireSpace: 'admin',
    trainScorer: 'admin',
    __typename: 'read',
  },
};

/** @throws Error where a field has no scope: it would be a door without a lock */
export function assertEveryFieldHasScope(schema: GraphQLSchema): void {
  for (const [kind, type] of [
    ['query', schema.getQueryType()],
    ['mutation', schema.getMutationType()],
  ] as const) {
    for (const name of Object.keys(type?.getFields() ?? {})) {
      if (!Object.hasOwn(fieldScopes[kind], name)) throw new Error(`The field ${name} of ${kind} has no scope`);
    }
  }
}

/** Validation does not tell for a subscription: in a schema without subscriptions any field of one counts as valid. */
export function isRootField(operation: OperationTypeNode, name: string): boolean {
  return operation !== OperationTypeNode.SUBSCRIPTION && Object.hasOwn(fieldScopes[operation], name);
}

/**
 * Of the whole operation: one field that a caller may not ask for, and nothing of it is executed.
 * @param fields the operation's root fields
 * @throws SemblanceError UNAUTHENTICATED, FORBIDDEN
 */
export function requireScopes(caller: Caller, operation: OperationTypeNode, fields: readonly FieldNode[]): void {
  const kind = operation === OperationTypeNode.MUTATION ? 'mutation' : 'query';
  for (const { name } of fields) {
    requireScope(caller, fieldScopes[kind][name.value] ?? 'admin');
  }
}
