import type { ApolloServerPlugin } from '@apollo/server';
import { isRootField } from './access.js';
import type { RequestContext } from './context.js';
import { fragmentsOf, rootFields } from './root-fields.js';

/** What the operator's log and metrics are told of an operation. */
export interface OperationNote {
  /** As the client calls it: any name that it likes. */
  readonly name?: string | undefined;
  /**
   * The field of Query or Mutation that it asks for, `several`, or undefined where it came to no operation. Never a name of the
   * client's choice: it labels metrics, and each new label is kept for good.
   */
  readonly field?: string | undefined;
  /** Of its first error, as the client is told it; undefined where it has none. */
  readonly code?: string | undefined;
}

export const operationNotePlugin: ApolloServerPlugin<RequestContext> = {
  requestDidStart: () => {
    let note: OperationNote = {};
    return Promise.resolve({
      didResolveOperation: ({ operation, document, contextValue: { noteOperation } }) => {
        // Several operations and no name: Apollo executes none.
        if (operation === undefined) return Promise.resolve();
        const names = new Set(
          rootFields(operation, fragmentsOf(document))
            .map(({ name }) => name.value)
            .filter((name) => isRootField(operation.operation, name)),
        );
        const [field] = names;
        note = { name: operation.name?.value, field: names.size > 1 ? 'several' : field };
        noteOperation(note);
        return Promise.resolve();
      },
      willSendResponse: ({ response: { body }, contextValue: { noteOperation } }) => {
        const code = body.kind === 'single' ? body.singleResult.errors?.[0]?.extensions?.['code'] : undefined;
        noteOperation({ ...note, code: typeof code === 'string' ? code : undefined });
        return Promise.resolve();
      },
    });
  },
};
