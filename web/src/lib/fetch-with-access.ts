import { currentAccess, learn, scopes, type Scope } from './access.js';
import { fetchWithProgress } from './fetch-with-progress.js';

/**
 * fetch with the credential of the tab, unless the request brings its own. Of a refusal, what its headers say of scope
 * and time is copied into the errors of its body, where all code that describes errors finds it.
 */
export const fetchWithAccess: typeof fetch = async (input, options) => {
  const headers = new Headers(options?.headers);
  const { credential } = currentAccess();
  const own = headers.get('Authorization');
  if (own === null && credential !== undefined) headers.set('Authorization', `Bearer ${credential}`);
  const response = await fetchWithProgress(input, { ...options, headers });
  if (![401, 403, 429, 503].includes(response.status)) return response;
  const refusal = readRefusal(response);
  // What was asked with a credential that is no longer the tab's, or not yet, says nothing of the present one.
  if (own === null && credential === currentAccess().credential) learnFrom(response.status, refusal);
  return annotate(response, refusal);
};

interface Refusal {
  readonly neededScope: Scope | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** The credential is malformed, unknown, expired or revoked. */
  readonly invalid: boolean;
}

function readRefusal({ headers }: Response): Refusal {
  const challenge = headers.get('WWW-Authenticate') ?? '';
  const named = /\bscope="(\w+)"/.exec(challenge)?.[1];
  const retryAfter = headers.get('Retry-After') ?? '';
  return {
    neededScope: scopes.find((scope) => scope === named),
    retryAfterSeconds: /^\d+$/.test(retryAfter) ? Number(retryAfter) : undefined,
    invalid: challenge.includes('error="invalid_token"'),
  };
}

function learnFrom(status: number, { neededScope, invalid }: Refusal): void {
  if (invalid) learn({ refusal: 'invalid' });
  else if (neededScope === 'read') learn({ refusal: status === 401 ? 'missing' : 'powerless' });
  else if (neededScope !== undefined) learn({ lacking: neededScope });
}

async function annotate(response: Response, { neededScope, retryAfterSeconds }: Refusal): Promise<Response> {
  const { status, statusText, headers } = response;
  const text = await response.text();
  return new Response(withExtensions(text, { neededScope, retryAfterSeconds }), { status, statusText, headers });
}

/** As it is where it is no answer of GraphQL. */
function withExtensions(text: string, extensions: Readonly<Record<string, unknown>>): string {
  try {
    const body = JSON.parse(text) as { readonly errors: readonly { readonly extensions?: object }[] };
    const errors = body.errors.map((error) => ({ ...error, extensions: { ...error.extensions, ...extensions } }));
    return JSON.stringify({ ...body, errors });
  } catch {
    return text;
  }
}
