import { CombinedGraphQLErrors, ServerError, ServerParseError } from '@apollo/client/errors';
import { scopes, type Scope } from './access.js';
import { errorTexts, scopeLacking, unexpected, unreachable, type ErrorText } from './error-texts.js';
import { formatSeconds } from './format.js';

export interface DescribedError extends ErrorText {
  /** Undefined where no answer of the server was read. */
  readonly code: string | undefined;
  /** The server's own sentence, where it says more. */
  readonly detail: string | undefined;
  /** What the operator finds the error by in the log. */
  readonly requestId: string | undefined;
  /** After which the server wants to be asked again. */
  readonly retryAfterSeconds?: number | undefined;
  /** What credentials must allow for this; undefined where others would not help. */
  readonly neededScope?: Scope | undefined;
}

/** Codes of which the server's message names what is wrong with this very request. */
const detailed = new Set([
  'BAD_USER_INPUT',
  'FORBIDDEN',
  'IMAGE_TOO_LARGE',
  'INVALID_IMAGE',
  'CONFLICT',
  'RATE_LIMITED',
]);

/** Codes of which the server says for how long they last. */
const waits = new Set(['RATE_LIMITED', 'OVERLOADED']);

/** Whatever a query or a mutation failed with, in plain words. */
export function describeError(error: unknown): DescribedError {
  const answer = readAnswer(error);
  if (answer !== undefined) {
    const { retryAfterSeconds, neededScope } = answer;
    const described = describeCode(answer.code, answer.message, answer.requestId);
    return {
      ...described,
      ...(neededScope !== undefined && answer.code === 'FORBIDDEN' ? scopeLacking : {}),
      ...(retryAfterSeconds !== undefined && waits.has(answer.code)
        ? { advice: `Wait ${formatSeconds(retryAfterSeconds)} and try again.` }
        : {}),
      retryAfterSeconds,
      neededScope,
    };
  }
  return {
    ...(isNetworkError(error) ? unreachable : unexpected),
    code: undefined,
    detail: undefined,
    requestId: undefined,
  };
}

/** The same for an error inside an answer, such as that of one file of uploadImages. */
export function describeCode(code: string, message: string | undefined, requestId?: string): DescribedError {
  return {
    ...(errorTexts[code] ?? unexpected),
    code,
    detail: detailed.has(code) || !Object.hasOwn(errorTexts, code) ? message : undefined,
    requestId,
  };
}

/** What is known to be refused, without asking: the credentials lack a scope. */
export function describeScope(neededScope: Scope): DescribedError {
  return { ...scopeLacking, code: 'FORBIDDEN', detail: undefined, requestId: undefined, neededScope };
}

/** Gone or given up, on the way there or back; a proxy without its server counts as well. */
function isNetworkError(error: unknown): boolean {
  if (ServerError.is(error)) return error.statusCode >= 502 && error.statusCode <= 504;
  return error instanceof TypeError || ServerParseError.is(error);
}

interface ServerAnswer {
  readonly code: string;
  readonly message: string;
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly neededScope: Scope | undefined;
}

function readAnswer(error: unknown): ServerAnswer | undefined {
  if (CombinedGraphQLErrors.is(error)) return toAnswer(error.errors[0]);
  if (!ServerError.is(error)) return undefined;
  try {
    const body = JSON.parse(error.bodyText) as { errors?: readonly unknown[] } | null;
    return toAnswer(body?.errors?.[0]);
  } catch {
    return undefined;
  }
}

function toAnswer(error: unknown): ServerAnswer | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { message, extensions } = error as { message?: unknown; extensions?: Record<string, unknown> };
  const code = extensions?.['code'];
  const requestId = extensions?.['requestId'];
  const retryAfterSeconds = extensions?.['retryAfterSeconds'];
  if (typeof code !== 'string') return undefined;
  return {
    code,
    message: typeof message === 'string' ? message : '',
    requestId: typeof requestId === 'string' ? requestId : undefined,
    retryAfterSeconds: typeof retryAfterSeconds === 'number' ? retryAfterSeconds : undefined,
    neededScope: scopes.find((scope) => scope === extensions?.['neededScope']),
  };
}
