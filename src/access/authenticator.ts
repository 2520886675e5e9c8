import { createHash } from 'node:crypto';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import type { AnonymousAccess } from '../base/config.js';
import { RetryLaterError, SemblanceError } from '../base/errors.js';
import { maxCredentialCharacters, maxRefusedCredentialsPerMinute } from '../base/limits.js';
import { looksLikeApiKey, type ApiKeyVerifier } from './api-keys.js';
import { CredentialError, type Caller } from './caller.js';
import type { VerifiedToken } from './tokens.js';

export interface AuthenticatorOptions {
  readonly anonymousAccess: AnonymousAccess;
  readonly keys: Pick<ApiKeyVerifier, 'verify' | 'isKnown'>;
  /** Undefined: tokens are not taken. */
  readonly verifyToken?: ((token: string) => Promise<VerifiedToken>) | undefined;
}

/** Tells who asks, from the Authorization header alone: before any body is read. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #refused = new RateLimiterMemory({ points: maxRefusedCredentialsPerMinute, duration: 60 });

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /**
   * Credentials that are wrong are refused even where none are needed: whoever sends them means to be known.
   * @param address of the client
   * @throws CredentialError; RetryLaterError RATE_LIMITED; DATABASE_UNAVAILABLE or AUTHENTICATION_UNAVAILABLE where the
   * credentials cannot be checked
   */
  async identify(authorization: string | undefined, address: string): Promise<Caller> {
    if (authorization === undefined) {
      const { anonymousAccess } = this.#options;
      return {
        kind: 'anonymous',
        id: networkOf(address),
        scope: anonymousAccess === 'none' ? undefined : anonymousAccess,
      };
    }
    const network = networkOf(address);
    const credential =
      authorization.length > maxCredentialCharacters ? undefined : /^Bearer +([^\s]+) *$/i.exec(authorization)?.[1];
    await this.#assertNotGuessing(credential, network);
    try {
      if (credential === undefined) throw new CredentialError();
      return await this.#verify(credential);
    } catch (error) {
      if (error instanceof SemblanceError && error.code === 'UNAUTHENTICATED') await this.#refused.penalty(network, 1);
      throw error;
    }
  }

  async #verify(credential: string): Promise<Caller> {
    const { keys, verifyToken } = this.#options;
    if (looksLikeApiKey(credential)) {
      const { id, scope } = await keys.verify(credential);
      return { kind: 'key', id: `key:${id}`, scope };
    }
    if (verifyToken === undefined) throw new CredentialError();
    const { subject, scope } = await verifyToken(credential);
    // A subject may be long, and may be a person's address: logs and limits need only tell it from others.
    return { kind: 'token', id: `token:${createHash('sha256').update(subject).digest('hex').slice(0, 16)}`, scope };
  }

  /** Each guess costs a look into the database. Keys that were good before are not held up by whoever shares their address. */
  async #assertNotGuessing(credential: string | undefined, network: string): Promise<void> {
    const refused = await this.#refused.get(network);
    if (refused === null || refused.consumedPoints < maxRefusedCredentialsPerMinute) return;
    if (credential !== undefined && this.#options.keys.isKnown(credential)) return;
    throw new RetryLaterError(
      'RATE_LIMITED',
      'Too many credentials from your address were refused',
      Math.max(1, Math.ceil(refused.msBeforeNext / 1000)),
    );
  }
}

/** Of IPv6 the first 64 bits: whoever has one address mostly has the others, too. */
function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:/, '').replace(/%.*$/, '');
  if (!plain.includes(':')) return `address:${plain}`;
  const [head = '', tail] = plain.split('::');
  const leading = head.split(':').filter((group) => group !== '');
  const trailing = tail === undefined ? [] : tail.split(':').filter((group) => group !== '');
  const zeros = tail === undefined ? 0 : 8 - leading.length - trailing.length;
  const groups = [...leading, ...Array.from({ length: Math.max(0, zeros) }, () => '0'), ...trailing];
  return `address:${groups.slice(0, 4).join(':')}::/64`;
}
