import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ApolloServerPlugin } from '@apollo/server';
import { GraphQLError, OperationTypeNode } from 'graphql';
import { SemblanceError } from '../base/errors.js';
import { refusalHeaders } from '../access/caller.js';
import { packageRoot } from '../base/paths.js';
import type { RequestContext } from './context.js';
import { requireScopes } from './access.js';
import { assertIntrospection } from './bounds/introspection-bounds.js';
import { chargeOperation } from './bounds/operation-bounds.js';
import { presentError } from '../base/graphql/present-error.js';
import { fragmentsOf, rootFields } from './root-fields.js';
import { refusalOf } from './refusal.js';

type Plugin = ApolloServerPlugin<RequestContext>;

/** Adds `extensions.semblance` to the response of an operation that searched. */
export const searchExtensionsPlugin: Plugin = {
  requestDidStart: () =>
    Promise.resolve({
      willSendResponse: ({ response, contextValue }) => {
        const semblance = contextValue.searches.extensions();
        if (response.body.kind === 'single' && semblance !== undefined) {
          response.body.singleResult.extensions = { ...response.body.singleResult.extensions, semblance };
        }
        return Promise.resolve();
      },
    }),
};

/** Logs what clients may not see, and gives them the request's id to ask the operator with. */
export const unexpectedErrorsPlugin: Plugin = {
  requestDidStart: () =>
    Promise.resolve({
      didEncounterErrors: ({ errors, contextValue }) => {
        for (const error of errors) if (presentError(error).masked) contextValue.logUnexpected(error);
        return Promise.resolve();
      },
      willSendResponse: ({ response, contextValue: { requestId } }) => {
        if (response.body.kind !== 'single') return Promise.resolve();
        const { singleResult } = response.body;
        if (singleResult.errors === undefined) return Promise.resolve();
        singleResult.errors = singleResult.errors.map((error) =>
          error.extensions?.['code'] === 'INTERNAL_SERVER_ERROR'
            ? { ...error, extensions: { ...error.extensions, requestId } }
            : error,
        );
        return Promise.resolve();
      },
    }),
};

/** What decides whether an operation is executed at all. */
export const guardPlugin = ({ maxAnswerBytes }: { readonly maxAnswerBytes: number }): Plugin => ({
  requestDidStart: () =>
    Promise.resolve({
      didResolveOperation: async ({ schema, document, request, operation, contextValue: { caller, meter } }) => {
        // Several operations and no name: Apollo executes none.
        if (operation === undefined) return;
        if (operation.operation === OperationTypeNode.SUBSCRIPTION) throw noSubscriptions();
        try {
          const fields = rootFields(operation, fragmentsOf(document));
          requireScopes(caller, operation.operation, fields);
          const { variables = {} } = request;
          const operationName = operation.name?.value;
          const measured = { schema, query: document, variables, operationName };
          assertIntrospection(measured, fields);
          await chargeOperation(measured, { caller, meter, maxAnswerBytes });
        } catch (error) {
          throw error instanceof SemblanceError ? refusalOf(error) : error;
        }
      },
    }),
});

function noSubscriptions(): GraphQLError {
  return new GraphQLError('This server has no subscriptions', {
    extensions: { code: 'BAD_REQUEST', http: { status: 400 } },
  });
}

/** Work that nobody waits for any more is work all the same: it keeps its place until it ends. A slow reader's has ended. */
export const placePlugin: Plugin = {
  requestDidStart: () =>
    Promise.resolve({
      executionDidStart: ({ contextValue: { place } }) => {
        place?.begin();
        return Promise.resolve({
          executionDidEnd: () => {
            place?.end();
            return Promise.resolve();
          },
        });
      },
    }),
};

/**
 * An operation that came to nothing for want of room is one that HTTP has a status for: clients and proxies that know no
 * GraphQL then wait, too.
 */
export const retryLaterPlugin: Plugin = {
  requestDidStart: () =>
    Promise.resolve({
      willSendResponse: ({ response, errors }) => {
        if (response.body.kind !== 'single' || (response.body.singleResult.data ?? null) !== null)
          return Promise.resolve();
        const refusal = errors?.map(({ originalError }) => originalError).find(isRetryLater);
        if (refusal !== undefined) {
          response.http.status = refusal.status;
          for (const [name, value] of Object.entries(refusalHeaders(refusal))) response.http.headers.set(name, value);
        }
        return Promise.resolve();
      },
    }),
};

function isRetryLater(error: unknown): error is SemblanceError {
  return error instanceof SemblanceError && (error.code === 'OVERLOADED' || error.code === 'RATE_LIMITED');
}

/** What a browser gets at /graphql: Apollo Sandbox, or GraphiQL where Apollo's servers cannot be reached. */
export function explorerPlugin(pathPrefix: string): Plugin {
  const file = readFileSync(join(packageRoot, 'web', 'explorer', 'index.html'), 'utf8');
  const html = file.replaceAll('="/graphql/', `="${pathPrefix}/graphql/`);
  return { serverWillStart: () => Promise.resolve({ renderLandingPage: () => Promise.resolve({ html }) }) };
}
