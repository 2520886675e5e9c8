import type { ApolloServerPlugin } from '@apollo/server';
import type { FormattedExecutionResult } from 'graphql';
import { refusalHeaders } from '../../access/caller.js';
import type { RequestContext } from '../context.js';
import { writeJson } from './write-json.js';

/** In place of the data of an answer. */
class WrittenData {
  constructor(readonly chunks: readonly Buffer[]) {}
}

/** Writes the data of an answer under its bounds; `stringifyResult` puts the rest around it. */
export const answerPlugin: ApolloServerPlugin<RequestContext> = {
  requestDidStart: () =>
    Promise.resolve({
      executionDidStart: ({ response, contextValue: { answer } }) =>
        Promise.resolve({
          // The answer is there by then, and what looks at it before it is sent sees a refusal.
          executionDidEnd: async () => {
            const { body, http } = response;
            if (body?.kind !== 'single') return;
            const { data } = body.singleResult;
            if (data !== undefined && data !== null && answer.refusal === undefined) {
              try {
                const chunks = await writeJson(data, (bytes) => {
                  answer.raiseTo(bytes);
                });
                body.singleResult.data = new WrittenData(chunks) as unknown as Record<string, unknown>;
              } catch (error) {
                if (error !== answer.refusal) throw error;
              }
            }
            const { refusal } = answer;
            if (refusal === undefined) return;
            body.singleResult = { errors: [{ message: refusal.message, extensions: { code: refusal.code } }] };
            http.status = refusal.status;
            for (const [name, value] of Object.entries(refusalHeaders(refusal))) http.headers.set(name, value);
          },
        }),
    }),
};

/**
 * A result as Apollo writes it, with data that is written already. It is bytes, whatever the type says: Apollo hands them on, and
 * Express sends them as they are.
 */
export function stringifyResult(result: FormattedExecutionResult): string {
  const parts = Object.entries(result).flatMap(([name, value]: [string, unknown]) => {
    if (value === undefined) return [];
    const written = value instanceof WrittenData ? value.chunks : [Buffer.from(JSON.stringify(value))];
    return [Buffer.from(`,"${name}":`), ...written];
  });
  const [first = Buffer.alloc(0), ...others] = parts;
  return Buffer.concat([Buffer.from('{'), first.subarray(1), ...others, Buffer.from('}\n')]) as unknown as string;
}
