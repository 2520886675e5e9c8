import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { scopes, type Scope } from '../base/config.js';
import { invalidArgument, SemblanceError } from '../base/errors.js';
import { apiKeyRecheckMs, maxKeyDays, maxKeyNameCharacters, maxRememberedKeys } from '../base/limits.js';
import type { ApiKeyRecord, Store } from '../database/store.js';
import { CredentialError } from './caller.js';

export interface NewKeyInput {
  /** For people: whose it is. */
  readonly name: string;
  readonly scope: Scope;
  /** Undefined: it does not expire. */
  readonly expiresInDays?: number | undefined;
}

export interface CreatedKey {
  /** The only time that it is seen. */
  readonly key: string;
  readonly record: ApiKeyRecord;
}

/** `smb_`, 16 hexadecimal digits that name the key, `_`, and 256 random bits. */
const keyShape = /^smb_([0-9a-f]{16})_[\w-]{43}$/;

export function looksLikeApiKey(credential: string): boolean {
  return credential.startsWith('smb_');
}

/** @throws SemblanceError BAD_USER_INPUT */
export async function createApiKey(store: Store, { name, scope, expiresInDays }: NewKeyInput): Promise<CreatedKey> {
  // Lists are printed to terminals, and names go into logs.
  if (!/^[^\p{Cc}\p{Cf}\p{Co}\p{Cs}]+$/u.test(name.trim()) || Array.from(name.trim()).length > maxKeyNameCharacters) {
    throw invalidArgument('name', `1 to ${maxKeyNameCharacters} printable characters`, name);
  }
  if (!scopes.includes(scope)) throw invalidArgument('scope', scopes.join(', '), scope);
  if (
    expiresInDays !== undefined &&
    !(Number.isInteger(expiresInDays) && expiresInDays >= 1 && expiresInDays <= maxKeyDays)
  ) {
    throw invalidArgument('expiresInDays', `an integer from 1 to ${maxKeyDays}`, expiresInDays);
  }
  const id = randomBytes(8).toString('hex');
  const key = `smb_${id}_${randomBytes(32).toString('base64url')}`;
  const expiresAt = expiresInDays === undefined ? undefined : new Date(Date.now() + expiresInDays * 86_400_000);
  const record = await store.createApiKey({ id, name: name.trim(), scope, sha256: sha256(key), expiresAt });
  return { key, record };
}

/** @throws SemblanceError BAD_USER_INPUT, NOT_FOUND */
export async function revokeApiKey(store: Store, id: string): Promise<ApiKeyRecord> {
  if (!/^[0-9a-f]{16}$/.test(id)) {
    throw invalidArgument('id', 'the 16 hexadecimal digits that semblance keys list shows', shown(id));
  }
  const record = await store.revokeApiKey(id);
  if (record === undefined) throw new SemblanceError('NOT_FOUND', `There is no key ${id}`);
  return record;
}

/** Whoever pastes a whole key gets it back in no message. */
function shown(id: string): string {
  return id.replace(/_[\w-]{43}$/, '_…');
}

/** Tells good keys from others. One that was good goes on without the database for `apiKeyRecheckMs`. */
export class ApiKeyVerifier {
  readonly #store: Pick<Store, 'findApiKey'>;
  readonly #now: () => number;
  /** By the hash of the key: the key itself is kept nowhere. Oldest first. */
  readonly #known = new Map<string, { readonly record: ApiKeyRecord; readonly checkedMs: number }>();

  constructor(store: Pick<Store, 'findApiKey'>, now: () => number = Date.now) {
    this.#store = store;
    this.#now = now;
  }

  /** Whether it was good when it was last looked at. */
  isKnown(key: string): boolean {
    return this.#known.has(sha256(key).toString('hex'));
  }

  /** @throws CredentialError; DATABASE_UNAVAILABLE where it cannot be looked up */
  async verify(key: string): Promise<ApiKeyRecord> {
    const id = keyShape.exec(key)?.[1];
    if (id === undefined) throw new CredentialError();
    const hash = sha256(key);
    const name = hash.toString('hex');
    const known = this.#known.get(name);
    const nowMs = this.#now();
    const expired = known?.record.expiresAt !== undefined && known.record.expiresAt.getTime() <= nowMs;
    if (known !== undefined && !expired && nowMs - known.checkedMs < apiKeyRecheckMs) return known.record;
    const found = await this.#store.findApiKey(id);
    this.#known.delete(name);
    if (found === undefined || !timingSafeEqual(found.sha256, hash) || !found.usable) throw new CredentialError();
    this.#known.set(name, { record: found.key, checkedMs: nowMs });
    const [oldest] = this.#known.keys();
    if (this.#known.size > maxRememberedKeys && oldest !== undefined) this.#known.delete(oldest);
    return found.key;
  }
}

/** Of 256 random bits there is nothing to guess: a slow hash would protect nothing. */
function sha256(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
