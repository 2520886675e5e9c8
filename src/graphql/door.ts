import { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import type { RequestHandler } from 'express';
import type { AnonymousAccess } from '../config.js';
import { maxQueryTokens } from '../limits.js';
import type { Operations } from '../operations/operations.js';
import type { ImagePaths, RequestContext } from './context.js';
import { accessPlugin, explorerPlugin, searchExtensionsPlugin, unexpectedErrorsPlugin } from './plugins.js';
import { presentError } from './present-error.js';
import { buildGraphqlSchema } from './schema.js';
import { SearchLog } from './search/search-log.js';

export interface GraphqlDoorOptions {
  readonly operations: Operations;
  readonly anonymousAccess: AnonymousAccess;
  readonly imagePaths: (id: string) => ImagePaths;
  /** Where errors go that no client may see. */
  readonly logError: (message: string, error: unknown) => void;
}

export interface GraphqlDoor {
  /** Wants the body parsed, and the request's id in `res.locals.requestId`. */
  readonly handler: RequestHandler;
  /** After the last request was answered. */
  stop(): Promise<void>;
}

/** GraphQL over HTTP, bound to no address. */
export async function openGraphqlDoor(options: GraphqlDoorOptions): Promise<GraphqlDoor> {
  const { operations, imagePaths, logError } = options;
  const server = new ApolloServer<RequestContext>({
    schema: await buildGraphqlSchema(),
    // The API is public: its schema is committed, and both explorers read it.
    introspection: true,
    csrfPrevention: true,
    includeStacktraceInErrorResponses: false,
    // Shutdown is the program's: requests are drained first.
    stopOnTerminationSignals: false,
    maxRecursiveSelections: true,
    parseOptions: { maxLexicalTokens: maxQueryTokens },
    // Persisted queries would let anybody fill the server's memory.
    persistedQueries: false,
    plugins: [searchExtensionsPlugin, unexpectedErrorsPlugin, accessPlugin(options.anonymousAccess), explorerPlugin()],
    formatError: (formatted, error) => {
      const { code, message } = presentError(error);
      // Nothing else of `extensions`: a library may have put anything there.
      return { ...formatted, message, extensions: { code } };
    },
  });
  await server.start();
  const handler = expressMiddleware(server, {
    context: ({ res }) => {
      const requestId = String(res.locals['requestId']);
      const gone = new AbortController();
      res.once('close', () => {
        if (!res.writableFinished) gone.abort(new Error('The client has gone'));
      });
      return Promise.resolve({
        operations,
        imagePaths,
        searches: new SearchLog(),
        signal: gone.signal,
        requestId,
        logUnexpected: (error) => {
          // Whatever fails after the client left is nobody's answer.
          if (!gone.signal.aborted) logError(`Request ${requestId} failed`, error);
        },
      } satisfies RequestContext);
    },
  });
  return { handler, stop: () => server.stop() };
}
