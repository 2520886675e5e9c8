/** Why the hub did not give what it was asked for. Its message is a sentence for the operator. */
export class HubError extends Error {
  override readonly name = 'HubError';
  /** Another attempt may succeed. */
  readonly retry: boolean;
  /** What the hub itself asks for before that attempt. */
  readonly retryAfterMs: number | undefined;
  /** No answer came, or none that tells about the file: the manual way is of use. */
  readonly unreachable: boolean;
  /** The repository is there for us, and has no such file, or no such revision. */
  readonly missing: boolean;

  constructor(
    message: string,
    options: {
      readonly retry?: boolean;
      readonly retryAfterMs?: number | undefined;
      readonly unreachable?: boolean;
      readonly missing?: boolean;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.retry = options.retry ?? false;
    this.retryAfterMs = options.retryAfterMs;
    this.unreachable = options.unreachable ?? false;
    this.missing = options.missing ?? false;
  }
}

/** One attempt's failure on the way, between this machine and the hub. */
export function connectionError(host: string, error: unknown): HubError {
  const code = codeOf(error);
  const reason = code === undefined ? describe(error) : (reasons[code] ?? code);
  const untrusted = code !== undefined && /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/.test(code);
  if (untrusted) {
    return new HubError(
      `The certificate of ${host} is not trusted (${code}): where a proxy makes its own, NODE_EXTRA_CA_CERTS names the file with the authority`,
      { cause: error },
    );
  }
  return new HubError(`${host} cannot be reached: ${reason}`, { retry: true, unreachable: true, cause: error });
}

const reasons: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its name is not known here',
  EAI_AGAIN: 'names cannot be looked up',
  ECONNREFUSED: 'the connection is refused',
  ECONNRESET: 'the connection was cut',
  ENETUNREACH: 'there is no network',
  EHOSTUNREACH: 'there is no way to it',
  ETIMEDOUT: 'it does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
  UND_ERR_HEADERS_TIMEOUT: 'it took the request and sends no answer',
  UND_ERR_BODY_TIMEOUT: 'it has stopped sending',
  UND_ERR_SOCKET: 'the connection was cut',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the answer was cut short',
};

function codeOf(error: unknown): string | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (current instanceof AggregateError && current.errors.length > 0) return codeOf(current.errors[0]);
    const { code } = current as NodeJS.ErrnoException;
    if (typeof code === 'string') return code;
  }
  return undefined;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Milliseconds that a Retry-After header asks for: seconds, or a date (RFC 9110, 10.2.3). */
export function parseRetryAfter(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(value)) return Number(value) * 1000;
  const atMs = Date.parse(value);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}
