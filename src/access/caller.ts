import { scopes, type Scope } from '../base/config.js';
import { SemblanceError } from '../base/errors.js';

/** Who asks, as far as the server knows. */
export interface Caller {
  readonly kind: 'anonymous' | 'key' | 'token';
  /** For bounds and logs: the key's id, the token's subject, or the address. No secret. */
  readonly id: string;
  /** Undefined: may do nothing. */
  readonly scope: Scope | undefined;
}

/** A credential that is good, but for less. */
export class ScopeError extends SemblanceError {
  constructor(readonly needed: Scope) {
    super('FORBIDDEN', `This needs the scope ${needed}, which your credentials lack`);
  }
}

/** Nobody's credentials, where somebody's would do. */
export class AnonymousError extends SemblanceError {
  constructor(
    readonly needed: Scope,
    message: string,
  ) {
    super('UNAUTHENTICATED', message);
  }
}

/** Credentials that are none: malformed, unknown, revoked, expired or forged. Which of these is nobody's business. */
export class CredentialError extends SemblanceError {
  constructor(options?: { readonly cause?: unknown }) {
    super('UNAUTHENTICATED', 'The credentials are not valid: they are malformed, unknown, expired or revoked', options);
  }
}

export function mayDo({ scope }: Caller, needed: Scope): boolean {
  return scope !== undefined && scopes.indexOf(scope) >= scopes.indexOf(needed);
}

/** @throws AnonymousError where credentials might help, ScopeError where others are needed */
export function requireScope(caller: Caller, needed: Scope): void {
  if (mayDo(caller, needed)) return;
  if (caller.kind !== 'anonymous') throw new ScopeError(needed);
  throw new AnonymousError(
    needed,
    caller.scope === undefined
      ? 'This server answers no anonymous clients: send an API key or a token as Authorization: Bearer …'
      : `Anonymous clients of this server may ${caller.scope === 'read' ? 'change nothing' : 'not do this'}: send an API key or a token with the scope ${needed} as Authorization: Bearer …`,
  );
}

/** Headers that HTTP asks for beside the status of a refusal. */
export function refusalHeaders(error: SemblanceError): Readonly<Record<string, string>> {
  if (error instanceof ScopeError) {
    return { 'WWW-Authenticate': `Bearer realm="semblance", error="insufficient_scope", scope="${error.needed}"` };
  }
  if (error.code === 'UNAUTHENTICATED') {
    // RFC 6750, section 3: whoever sent no credentials is told which would do, and of no error.
    const detail =
      error instanceof CredentialError
        ? ', error="invalid_token"'
        : error instanceof AnonymousError
          ? `, scope="${error.needed}"`
          : '';
    return { 'WWW-Authenticate': `Bearer realm="semblance"${detail}` };
  }
  if (error.status !== 429 && error.status !== 503) return {};
  const seconds = 'retryAfterSeconds' in error ? String(error.retryAfterSeconds) : '1';
  return { 'Retry-After': seconds };
}
