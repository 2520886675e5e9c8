import { describe, expect, it } from 'vitest';
import { CredentialError } from '../../../src/access/caller.js';
import { ApiKeyVerifier, createApiKey, revokeApiKey } from '../../../src/access/api-keys.js';
import { apiKeyRecheckMs, maxRememberedKeys } from '../../../src/base/limits.js';
import type { ApiKeyRecord, NewApiKey, Store } from '../../../src/database/store.js';

/** What the store keeps, and how often it was asked. */
function keyStore() {
  const rows = new Map<string, NewApiKey>();
  const revoked = new Set<string>();
  let lookups = 0;
  const record = ({ sha256: _, ...key }: NewApiKey): ApiKeyRecord => ({
    ...key,
    createdAt: new Date(0),
    revokedAt: revoked.has(key.id) ? new Date(1) : undefined,
  });
  const store: Pick<Store, 'createApiKey' | 'findApiKey' | 'revokeApiKey'> = {
    createApiKey: (key) => {
      rows.set(key.id, key);
      return Promise.resolve(record(key));
    },
    findApiKey: (id) => {
      lookups += 1;
      const row = rows.get(id);
      return Promise.resolve(row && { key: record(row), sha256: row.sha256, usable: !revoked.has(id) });
    },
    revokeApiKey: (id) => {
      const row = rows.get(id);
      if (row !== undefined) revoked.add(id);
      return Promise.resolve(row && record(row));
    },
  };
  return { store: store as Store, rows, lookups: () => lookups };
}

describe('a key', () => {
  it('is 256 random bits behind a name, and only its hash is stored', async () => {
    const { store, rows } = keyStore();
    const { key, record } = await createApiKey(store, { name: ' web ', scope: 'write' });
    expect(key).toMatch(/^smb_[0-9a-f]{16}_[\w-]{43}$/);
    expect(record).toMatchObject({ name: 'web', scope: 'write', expiresAt: undefined });
    expect(key.slice(4, 20)).toBe(record.id);
    const row = rows.get(record.id);
    expect(row?.sha256.byteLength).toBe(32);
    expect(JSON.stringify([...rows.values()])).not.toContain(key.slice(21));
    expect((await createApiKey(store, { name: 'web', scope: 'read' })).key).not.toBe(key);
  });

  it.each([
    [{ name: '', scope: 'read' }, 'name'],
    [{ name: 'a\u001b[31m', scope: 'read' }, 'name'],
    [{ name: 'x'.repeat(101), scope: 'read' }, 'name'],
    [{ name: 'a', scope: 'root' as 'read' }, 'scope'],
    [{ name: 'a', scope: 'read', expiresInDays: 0 }, 'expiresInDays'],
    [{ name: 'a', scope: 'read', expiresInDays: 1.5 }, 'expiresInDays'],
  ] as const)('is refused for %o', async (input, argument) => {
    await expect(createApiKey(keyStore().store, input)).rejects.toThrow(`for ${argument} but`);
  });

  it('is not repeated to whoever pastes it where its name belongs', async () => {
    const { store } = keyStore();
    const { key } = await createApiKey(store, { name: 'web', scope: 'read' });
    const error = await revokeApiKey(store, key).catch(String);
    expect(error).toContain('keys list');
    expect(error).not.toContain(key.slice(21));
    await expect(revokeApiKey(store, '0'.repeat(16))).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('verifying', () => {
  it('takes the key and nothing else', async () => {
    const { store, lookups } = keyStore();
    const { key, record } = await createApiKey(store, { name: 'web', scope: 'read' });
    const verifier = new ApiKeyVerifier(store);
    expect(await verifier.verify(key)).toEqual(record);
    const forged = `${key.slice(0, 21)}${'A'.repeat(43)}`;
    for (const other of [
      forged,
      key.slice(0, -1),
      `${key}A`,
      key.toUpperCase(),
      `smb_${'0'.repeat(16)}_${key.slice(21)}`,
    ]) {
      await expect(verifier.verify(other), other).rejects.toBeInstanceOf(CredentialError);
      expect(verifier.isKnown(other)).toBe(false);
    }
    // What has not a key's shape costs no look into the database.
    expect(lookups()).toBe(3);
  });

  it('asks the database again after a while, and then knows a revoked one', async () => {
    let nowMs = 0;
    const { store, lookups } = keyStore();
    const { key, record } = await createApiKey(store, { name: 'web', scope: 'read' });
    const verifier = new ApiKeyVerifier(store, () => nowMs);
    await verifier.verify(key);
    await store.revokeApiKey(record.id);
    nowMs = apiKeyRecheckMs - 1;
    await verifier.verify(key);
    expect(lookups()).toBe(1);
    nowMs = apiKeyRecheckMs;
    await expect(verifier.verify(key)).rejects.toBeInstanceOf(CredentialError);
    expect(verifier.isKnown(key)).toBe(false);
  });

  it('asks the database about one that may have expired', async () => {
    let nowMs = Date.now();
    const { store, lookups } = keyStore();
    const { key } = await createApiKey(store, { name: 'web', scope: 'read', expiresInDays: 1 });
    const verifier = new ApiKeyVerifier(store, () => nowMs);
    await verifier.verify(key);
    nowMs += apiKeyRecheckMs - 1;
    await verifier.verify(key);
    expect(lookups()).toBe(1);
    nowMs += 86_400_000;
    await verifier.verify(key);
    expect(lookups()).toBe(2);
  });

  it('remembers a bounded number', async () => {
    const { store } = keyStore();
    const verifier = new ApiKeyVerifier(store);
    const keys: string[] = [];
    for (let index = 0; index <= maxRememberedKeys; index++) {
      const { key } = await createApiKey(store, { name: 'web', scope: 'read' });
      await verifier.verify(key);
      keys.push(key);
    }
    expect([keys[0], keys[1], keys.at(-1)].map((key) => verifier.isKnown(key ?? ''))).toEqual([false, true, true]);
  });
});
