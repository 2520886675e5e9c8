import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testStoreKinds } from '../../support/database.js';
import { openTestStore, type TestStore } from '../../support/store.js';

describe.each(testStoreKinds())('API keys on %s', (kind) => {
  let opened: TestStore;

  beforeAll(async () => {
    opened = await openTestStore(kind);
  });

  afterAll(() => opened.close());

  const newKey = (expiresAt?: Date) => ({
    id: randomBytes(8).toString('hex'),
    name: 'web',
    scope: 'write' as const,
    sha256: randomBytes(32),
    expiresAt,
  });

  test('are found by their id, usable until they are revoked or expire by the clock of the database', async () => {
    const { store } = opened;
    const keys = [newKey(), newKey(new Date(Date.now() + 60_000)), newKey(new Date(Date.now() - 1_000))];
    const found = [];
    for (const key of keys) {
      await store.createApiKey(key);
      const row = await store.findApiKey(key.id);
      expect(row?.sha256.equals(key.sha256)).toBe(true);
      found.push(row?.usable);
    }
    expect(found).toEqual([true, true, false]);
    const [first] = keys;
    const revoked = await store.revokeApiKey(first?.id ?? '');
    expect(revoked?.revokedAt).toBeInstanceOf(Date);
    expect(await store.revokeApiKey(first?.id ?? '')).toEqual(revoked);
    expect((await store.findApiKey(first?.id ?? ''))?.usable).toBe(false);
    expect((await store.listApiKeys()).map(({ id }) => id).sort()).toEqual(keys.map(({ id }) => id).sort());
    expect(await store.findApiKey('0'.repeat(16))).toBeUndefined();
    expect(await store.revokeApiKey('0'.repeat(16))).toBeUndefined();
  });

  test('share one secret, whichever server is first', async () => {
    const secrets = await Promise.all(
      Array.from({ length: 8 }, () => opened.store.ensureSecret('links', randomBytes(32))),
    );
    expect(new Set(secrets.map((secret) => secret.toString('hex'))).size).toBe(1);
    expect(await opened.store.ensureSecret('links', randomBytes(32))).toEqual(secrets[0]);
    expect(await opened.store.ensureSecret('other', randomBytes(32))).not.toEqual(secrets[0]);
  });
});
