import type { ApolloServerPlugin } from '@apollo/server';
import { isRootField } from './access.js';
import type { OperationNote, RequestContext } from './context.js';
import { fragmentsOf, rootFields } from './root-fields.js';

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
