import { afterAll, expect, test } from 'vitest';
import { describeOddSettings } from '../../support/administrator.js';
import { testStoreKinds } from '../../support/database.js';
import { cleanUp } from '../../support/server.js';

afterAll(cleanUp);

if (testStoreKinds().includes('server')) {
  describeOddSettings('directly', { whole: true });
  // All of it is in test/long.
  describeOddSettings('pgbouncer', { whole: false });
} else {
  test("an administrator's settings take a server", () => {
    expect(testStoreKinds()).toEqual(['memory']);
  });
}
