import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose';
import { scopes, type Scope, type TokenConfig } from '../base/config.js';
import { SemblanceError } from '../base/errors.js';
import { jwksCooldownMs, jwksMaxAgeMs, jwksTimeoutMs, tokenClockToleranceSeconds } from '../base/limits.js';
import { CredentialError } from './caller.js';

export interface VerifiedToken {
  readonly subject: string;
  /** Undefined where the token has none of ours: it may do nothing. */
  readonly scope: Scope | undefined;
}

/** Asymmetric ones alone: a token signed with the public key as an HMAC secret is the oldest trick. */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

/**
 * Checks JSON Web Tokens against the issuer's published keys, which are fetched when first needed and kept.
 * @throws CredentialError; SemblanceError AUTHENTICATION_UNAVAILABLE where the keys cannot be had
 */
export function openTokenVerifier(config: TokenConfig): (token: string) => Promise<VerifiedToken> {
  const keys = createRemoteJWKSet(new URL(config.jwksUrl), {
    timeoutDuration: jwksTimeoutMs,
    cooldownDuration: jwksCooldownMs,
    cacheMaxAge: jwksMaxAgeMs,
  });
  const getKey: JWTVerifyGetKey = async (...parameters) => {
    try {
      return await keys(...parameters);
    } catch (error) {
      // A key that the set lacks or that does not fit speaks of the token; all else of the way to the set.
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error;
      throw new SemblanceError(
        'AUTHENTICATION_UNAVAILABLE',
        'Tokens cannot be checked at the moment: the keys of their issuer cannot be fetched',
        { cause: error },
      );
    }
  };
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, getKey, {
        issuer: config.issuer,
        audience: config.audience,
        algorithms,
        requiredClaims: ['exp', 'sub'],
        clockTolerance: tokenClockToleranceSeconds,
      });
      return { subject: payload.sub ?? '', scope: highestScope(claimAt(payload, config.scopeClaim)) };
    } catch (error) {
      throw error instanceof SemblanceError ? error : new CredentialError({ cause: error });
    }
  };
}

/** The claim of that very name, for some are addresses with dots in them; else what the path leads to. */
function claimAt(payload: JWTPayload, path: string): unknown {
  if (Object.hasOwn(payload, path)) return payload[path];
  return path
    .split('.')
    .reduce<unknown>(
      (value, name) =>
        typeof value === 'object' && value !== null && Object.hasOwn(value, name)
          ? (value as Readonly<Record<string, unknown>>)[name]
          : undefined,
      payload,
    );
}

/** Of names between spaces (RFC 8693) or in a list, each as it stands or with `semblance:` before it. */
function highestScope(claim: unknown): Scope | undefined {
  const names: unknown[] = typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim : [];
  return scopes.findLast((scope) => names.includes(scope) || names.includes(`semblance:${scope}`));
}
