import type { ApolloServerPlugin } from '@apollo/server';
import type { FormattedExecutionResult } from 'graphql';
import { refusalHeaders } from '../../operations/access/caller.js';
import type { RequestContext } from '../context.js';
import { JsonText } from './json-text.js';
import { writeJson } from './write-json.js';

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
                const text = await writeJson(data, (bytes) => {
                  answer.raiseTo(bytes);
                });
                body.singleResult.data = new JsonText(text) as unknown as Record<string, unknown>;
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

/** As Apollo writes a result, with data that is written already. */
export function stringifyResult(result: FormattedExecutionResult): string {
  const fields = Object.entries(result).flatMap(([name, value]: [string, unknown]) =>
    value === undefined ? [] : [`"${name}":${value instanceof JsonText ? value.text : JSON.stringify(value)}`],
  );
  return `{${fields.join(',')}}\n`;
}
