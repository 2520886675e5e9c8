import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ApolloServerPlugin } from '@apollo/server';
import { GraphQLError, OperationTypeNode } from 'graphql';
import type { AnonymousAccess } from '../config.js';
import { SemblanceError } from '../errors.js';
import { packageRoot } from '../paths.js';
import type { RequestContext } from './context.js';
import { presentError } from './present-error.js';

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

/** Refuses what an anonymous client may not do, before anything is executed. */
export function accessPlugin(access: AnonymousAccess): Plugin {
  return {
    requestDidStart: () =>
      Promise.resolve({
        didResolveOperation: ({ operation }) => {
          if (access === 'write' || (access === 'read' && operation?.operation === OperationTypeNode.QUERY))
            return Promise.resolve();
          const refusal = new SemblanceError('UNAUTHENTICATED', 'This server takes no changes from anonymous clients');
          throw new GraphQLError(refusal.message, {
            originalError: refusal,
            extensions: { http: { status: refusal.status } },
          });
        },
      }),
  };
}

/** What a browser gets at /graphql: Apollo Sandbox, or GraphiQL where Apollo's servers cannot be reached. */
export function explorerPlugin(): Plugin {
  const html = readFileSync(join(packageRoot, 'web', 'explorer', 'index.html'), 'utf8');
  return { serverWillStart: () => Promise.resolve({ renderLandingPage: () => Promise.resolve({ html }) }) };
}
