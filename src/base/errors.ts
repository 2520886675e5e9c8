/**
 * Every error that a caller can meet, once: its code, its HTTP status and what to do about it. docs/errors.md lists the
 * same, and a test holds the two together. The codes are those of the public contract.
 */
export const errorCatalogue = {
  BAD_USER_INPUT: { status: 400, remedy: 'Correct the argument that the message names.' },
  UNAUTHENTICATED: { status: 401, remedy: 'Send credentials, or ask the operator to allow anonymous use.' },
  FORBIDDEN: { status: 403, remedy: 'Ask the operator for the right that the message names.' },
  NOT_FOUND: {
    status: 404,
    remedy: 'Check the id; the image may have been deleted, or have no embedding in the space that the message names.',
  },
  CONFLICT: {
    status: 409,
    remedy: 'Read the current state and try again; what a rule of the database refuses, the operator finds in the log.',
  },
  IMAGE_TOO_LARGE: { status: 413, remedy: 'Send fewer bytes or fewer pixels.' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, remedy: 'Send JPEG, PNG, WebP, AVIF, GIF, TIFF or HEIC.' },
  INVALID_IMAGE: { status: 422, remedy: 'Send the whole file again, or re-export it.' },
  RATE_LIMITED: { status: 429, remedy: 'Wait as long as Retry-After says.' },
  AUTHENTICATION_UNAVAILABLE: {
    status: 503,
    remedy: "Try again; the operator checks that the server reaches the token issuer's keys.",
  },
  OVERLOADED: { status: 503, remedy: 'Try again after a moment.' },
  DATABASE_UNAVAILABLE: { status: 503, remedy: 'Try again; the operator finds the reason in the log or at /readyz.' },
  MODEL_UNAVAILABLE: {
    status: 503,
    remedy: 'Try again later; the operator finds the reason in the log or at /readyz.',
  },
  STORAGE_FULL: { status: 507, remedy: 'The operator must free or add disk space.' },
} as const satisfies Record<string, { readonly status: number; readonly remedy: string }>;

export type ErrorCode = keyof typeof errorCatalogue;

/**
 * An error whose message may reach the client as it stands: it holds no SQL, no stack and no path of the server. `cause`
 * keeps the original for the log.
 */
export class SemblanceError extends Error {
  override readonly name = 'SemblanceError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
  }

  get status(): number {
    return errorCatalogue[this.code].status;
  }
}

/** A refusal that says when to come again. */
export class RetryLaterError extends SemblanceError {
  constructor(
    code: 'RATE_LIMITED' | 'OVERLOADED',
    message: string,
    readonly retryAfterSeconds: number,
  ) {
    super(code, message);
  }
}

/** The one shape of an argument error: "Expected an integer from 1 to 1000 for k but received 0". */
export function invalidArgument(name: string, expected: string, received: unknown): SemblanceError {
  return new SemblanceError('BAD_USER_INPUT', describeInvalid(name, expected, received));
}

/** The error for what is counted of a whole request: "The operation asks for up to 7 searches, and at most 5 are allowed: ask for fewer". */
export function tooMuch(asked: string, max: number, advice?: string): SemblanceError {
  const allowed = `at most ${max} ${max === 1 ? 'is' : 'are'} allowed`;
  return new SemblanceError('BAD_USER_INPUT', `${asked}, and ${allowed}${advice === undefined ? '' : `: ${advice}`}`);
}

/** The sentence of `invalidArgument` for errors that are not a client's: a configuration variable, a manifest's field. */
export function describeInvalid(name: string, expected: string, received: unknown): string {
  return `Expected ${expected} for ${name} but received ${describeValue(received)}`;
}

const describedCharacters = 80;

function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = (typeof value === 'string' ? JSON.stringify(value) : undefined) ?? safeJson(value);
  return text.length <= describedCharacters ? text : `${text.slice(0, describedCharacters)}…`;
}

function safeJson(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  // JSON has none of them, and stringify gives nothing.
  if (typeof value === 'function' || typeof value === 'symbol') return typeof value;
  try {
    return JSON.stringify(value);
  } catch {
    return typeof value;
  }
}

/** A start that cannot go on: printed as it stands, without a stack, and the process ends with exit code 1. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

/** Whether something ended because `signal` was aborted. */
export function isInterruption(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && (error === signal.reason || (error instanceof Error && error.name === 'AbortError'));
}

/** The message of whatever was thrown. For logs and the operator, not for clients. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
