import { z } from 'zod';
import { errorCatalogue, SemblanceError, type ErrorCode } from '../../base/errors.js';

const answerSchema = z.object({
  data: z.unknown().optional(),
  errors: z
    .array(z.object({ message: z.string(), extensions: z.object({ code: z.string() }).partial().optional() }))
    .optional(),
  extensions: z.object({ semblance: z.unknown() }).partial().optional(),
});

export interface GraphqlAnswer<T> {
  readonly data: T;
  /** `extensions.semblance` of a search. */
  readonly search: unknown;
}

export interface UploadedFile {
  readonly bytes: Buffer;
  readonly filename: string;
}

/** What a server answered instead of data. */
export class ServerRefusal extends SemblanceError {
  constructor(
    message: string,
    /** As the server gave it, Apollo's own codes included. */
    readonly graphqlCode: string | undefined,
    /** Where the server says when to come again. */
    readonly retryAfterSeconds?: number,
  ) {
    super(knownCode(graphqlCode), message);
  }
}

/** Whether the server does not know what it is asked for: it is older. */
export function isInvalidDocument(error: unknown): boolean {
  return error instanceof ServerRefusal && error.graphqlCode === 'GRAPHQL_VALIDATION_FAILED';
}

/** Speaks to a server as anybody would: the public GraphQL, uploads by the multipart request specification. */
export class GraphqlClient {
  /** Of the server, with the path under which a proxy serves it, if any; ends in a slash. */
  readonly #base: URL;

  readonly #headers: Readonly<Record<string, string>>;

  /** @param credential sent with every request: an API key, or a token */
  constructor(server: URL, credential?: string) {
    this.#headers = credential === undefined ? {} : { authorization: `Bearer ${credential}` };
    this.#base = new URL(server.pathname.replace(/\/*$/, '/'), server.origin);
  }

  /** The server's address without a slash at its end. */
  get address(): string {
    return this.#base.href.replace(/\/$/, '');
  }

  /** @throws SemblanceError with the server's code; DATABASE_UNAVAILABLE where the server cannot be reached */
  async query<T>(
    schema: z.ZodType<T>,
    query: string,
    variables: Readonly<Record<string, unknown>>,
  ): Promise<GraphqlAnswer<T>> {
    const body = JSON.stringify({ query, variables });
    return this.#post(schema, { body, headers: { 'content-type': 'application/json' } });
  }

  /** `file` becomes the variable `$file`. Throws as `query`. */
  async upload<T>(
    schema: z.ZodType<T>,
    query: string,
    variables: Readonly<Record<string, unknown>>,
    file: UploadedFile,
  ): Promise<GraphqlAnswer<T>> {
    const body = new FormData();
    body.append('operations', JSON.stringify({ query, variables: { ...variables, file: null } }));
    body.append('map', JSON.stringify({ 0: ['variables.file'] }));
    body.append('0', new Blob([new Uint8Array(file.bytes)]), file.filename);
    return this.#post(schema, { body, headers: {} });
  }

  /** Undefined where the server has nothing at that path, which counts from the server's own root. */
  async readBytes(path: string): Promise<Buffer | undefined> {
    const response = await this.#fetch(path, {});
    if (response.status === 404) return undefined;
    if (!response.ok) throw unexpected(this.address, response.status);
    return Buffer.from(await response.arrayBuffer());
  }

  async #post<T>(
    schema: z.ZodType<T>,
    request: { readonly body: string | FormData; readonly headers: Record<string, string> },
  ): Promise<GraphqlAnswer<T>> {
    const response = await this.#fetch('graphql', {
      method: 'POST',
      body: request.body,
      headers: { ...request.headers, accept: 'application/json', 'apollo-require-preflight': 'true' },
    });
    const answer = answerSchema.safeParse(await response.json().catch(() => undefined));
    const [error] = answer.data?.errors ?? [];
    if (error !== undefined) {
      const code = error.extensions?.code;
      const hint = code === 'UNAUTHENTICATED' ? ' (set SEMBLANCE_API_KEY)' : '';
      throw new ServerRefusal(`${error.message}${hint}`, code, retryAfterOf(response));
    }
    if (answer.data?.data === undefined || answer.data.data === null) throw unexpected(this.address, response.status);
    const data = schema.safeParse(answer.data.data);
    if (!data.success) {
      throw new SemblanceError(
        'BAD_USER_INPUT',
        `The server at ${this.address} answers what this command does not understand: it may be newer, or another program. Use the command of its version`,
        { cause: data.error },
      );
    }
    return { data: data.data, search: answer.data.extensions?.semblance };
  }

  async #fetch(
    path: string,
    init: { readonly method?: string; readonly body?: string | FormData; readonly headers?: Record<string, string> },
  ): Promise<Response> {
    try {
      const headers = { ...init.headers, ...this.#headers };
      // Links to images carry the path of the proxy where the server knows it.
      const { pathname } = this.#base;
      const relative = path.startsWith(pathname) ? path.slice(pathname.length) : path.replace(/^\/+/, '');
      return await fetch(new URL(relative, this.#base), { ...init, headers });
    } catch (error) {
      throw new SemblanceError('DATABASE_UNAVAILABLE', `No server answers at ${this.address}`, { cause: error });
    }
  }
}

function retryAfterOf(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
}

function knownCode(code: string | undefined): ErrorCode {
  const codes = Object.keys(errorCatalogue) as ErrorCode[];
  return codes.find((known) => known === code) ?? 'BAD_USER_INPUT';
}

function unexpected(address: string, status: number): SemblanceError {
  return new SemblanceError(
    'BAD_USER_INPUT',
    `What answers at ${address} is no Semblance server (HTTP status ${status})`,
  );
}
