import { randomBytes } from 'node:crypto';
import type { ApiKeyRecord, Store } from '../database/store.js';
import { ApiKeyVerifier, createApiKey, revokeApiKey, type CreatedKey, type NewKeyInput } from './api-keys.js';

export interface AccessOperations {
  /** The key itself is seen this once. */
  createApiKey(input: NewKeyInput): Promise<CreatedKey>;
  /** Oldest first, the revoked too. */
  listApiKeys(): Promise<readonly ApiKeyRecord[]>;
  /** Every server refuses it within `apiKeyRecheckMs`. NOT_FOUND where there is none. */
  revokeApiKey(id: string): Promise<ApiKeyRecord>;
  readonly apiKeys: Pick<ApiKeyVerifier, 'verify' | 'isKnown'>;
  /** What the servers on the database sign links with. */
  linkSecret(): Promise<Buffer>;
}

export function createAccessOperations(store: Store): AccessOperations {
  return {
    createApiKey: (input) => createApiKey(store, input),
    listApiKeys: () => store.listApiKeys(),
    revokeApiKey: (id) => revokeApiKey(store, id),
    apiKeys: new ApiKeyVerifier(store),
    linkSecret: () => store.ensureSecret('links', randomBytes(32)),
  };
}
