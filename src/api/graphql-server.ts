import { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import type { RequestHandler, Response } from 'express';
import type { Config } from '../base/config.js';
import { maxQueryTokens } from '../base/limits.js';
import type { ByteBudget } from '../base/concurrency/byte-budget.js';
import type { Caller } from '../access/caller.js';
import type { Place } from '../access/places.js';
import type { WorkMeter } from '../access/work-meter.js';
import type { Operations } from './operations.js';
import { AnswerBytes } from './answer/answer-bytes.js';
import { answerPlugin, stringifyResult } from './answer/answer-plugin.js';
import { assertEveryFieldHasScope } from './access.js';
import type { ImagePaths } from '../base/graphql/resolver-context.js';
import type { RequestContext } from './context.js';
import { shapeRules } from './bounds/operation-bounds.js';
import { operationNotePlugin } from './operation-note.js';
import {
  explorerPlugin,
  guardPlugin,
  placePlugin,
  retryLaterPlugin,
  searchExtensionsPlugin,
  unexpectedErrorsPlugin,
} from './plugins.js';
import { presentError } from '../base/graphql/present-error.js';
import { buildGraphqlSchema } from './schema.js';
import { SearchLog } from '../search/graphql/search-log.js';

export interface GraphqlDoorOptions {
  readonly config: Pick<Config, 'introspection' | 'pathPrefix' | 'maxAnswerBytes'>;
  readonly operations: Operations;
  readonly meter: Pick<WorkMeter, 'chargeImages'>;
  /** The room that all answers share, those included that are being sent. */
  readonly answers: ByteBudget;
  /** Of a request that was let in. */
  readonly callerOf: (response: Response) => Caller;
  readonly placeOf: (response: Response) => Place | undefined;
  readonly imagePaths: (id: string) => Promise<ImagePaths>;
  /** Where errors go that no client may see. */
  readonly logError: (message: string, error: unknown) => void;
}

export interface GraphqlDoor {
  /** Wants the body parsed, and the request's id in `res.locals.requestId`. Leaves an OperationNote in `res.locals.operation`. */
  readonly handler: RequestHandler;
  /** After the last request was answered. */
  stop(): Promise<void>;
}

/** GraphQL over HTTP, bound to no address. */
export async function openGraphqlDoor(options: GraphqlDoorOptions): Promise<GraphqlDoor> {
  const { config, operations, meter, answers, callerOf, placeOf, imagePaths, logError } = options;
  const { introspection, pathPrefix, maxAnswerBytes } = config;
  const schema = await buildGraphqlSchema();
  assertEveryFieldHasScope(schema);
  const server = new ApolloServer<RequestContext>({
    schema,
    introspection,
    // Suggestions of field names would tell the schema all the same.
    hideSchemaDetailsFromClientErrors: !introspection,
    allowBatchedHttpRequests: false,
    csrfPrevention: true,
    includeStacktraceInErrorResponses: false,
    // Shutdown is the program's: requests are drained first.
    stopOnTerminationSignals: false,
    maxRecursiveSelections: true,
    parseOptions: { maxLexicalTokens: maxQueryTokens },
    validationRules: [...shapeRules],
    // Persisted queries would let anybody fill the server's memory.
    persistedQueries: false,
    plugins: [
      operationNotePlugin,
      searchExtensionsPlugin,
      unexpectedErrorsPlugin,
      retryLaterPlugin,
      guardPlugin({ maxAnswerBytes }),
      placePlugin,
      answerPlugin,
      explorerPlugin(pathPrefix),
    ],
    stringifyResult,
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
      const ended = new AbortController();
      const hold = answers.open(callerOf(res).id);
      res.once('close', () => {
        hold.release();
        if (res.writableFinished) return;
        gone.abort(new Error('The client has gone'));
        ended.abort(gone.signal.reason);
      });
      return Promise.resolve({
        operations,
        caller: callerOf(res),
        meter,
        place: placeOf(res),
        imagePaths,
        searches: new SearchLog(),
        answer: new AnswerBytes({
          maxBytes: maxAnswerBytes,
          hold,
          onRefusal: (error) => {
            ended.abort(error);
          },
        }),
        signal: ended.signal,
        requestId,
        noteOperation: (note) => {
          res.locals['operation'] = note;
        },
        logUnexpected: (error) => {
          // Whatever fails after the client left is nobody's answer.
          if (!gone.signal.aborted) logError(`Request ${requestId} failed`, error);
        },
      } satisfies RequestContext);
    },
  });
  return { handler, stop: () => server.stop() };
}
