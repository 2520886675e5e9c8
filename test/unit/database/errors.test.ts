import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigurationError, SemblanceError } from '../../../src/base/errors.js';
import {
  driverMessages,
  isRetryable,
  RefusedByRuleError,
  sqlStateOf,
  toStoreError,
} from '../../../src/database/errors.js';

const withCode = (code: string, message = 'relation "secret" at /srv/data') =>
  Object.assign(new Error(message), { code });
const prisma = (cause: Record<string, unknown>) =>
  Object.assign(new Error('Raw query failed'), { code: 'P2010', meta: { driverAdapterError: { cause } } });

function codeOf(error: unknown): string | undefined {
  const mapped = toStoreError(error);
  return mapped instanceof SemblanceError ? mapped.code : undefined;
}

describe("a driver's error", () => {
  test.each([
    ['08006', 'DATABASE_UNAVAILABLE'],
    ['28P01', 'DATABASE_UNAVAILABLE'],
    ['3D000', 'DATABASE_UNAVAILABLE'],
    ['53300', 'DATABASE_UNAVAILABLE'],
    ['57P01', 'DATABASE_UNAVAILABLE'],
    ['57P02', 'DATABASE_UNAVAILABLE'],
    ['57P03', 'DATABASE_UNAVAILABLE'],
    ['25006', 'DATABASE_UNAVAILABLE'],
    ['53100', 'STORAGE_FULL'],
    ['40001', 'CONFLICT'],
    ['40P01', 'CONFLICT'],
    ['55P03', 'CONFLICT'],
    ['57014', 'OVERLOADED'],
    ['42P01', 'DATABASE_UNAVAILABLE'],
    ['3F000', 'DATABASE_UNAVAILABLE'],
    ['ECONNREFUSED', 'DATABASE_UNAVAILABLE'],
    ['ECONNRESET', 'DATABASE_UNAVAILABLE'],
    ['EPIPE', 'DATABASE_UNAVAILABLE'],
    ['ENOTFOUND', 'DATABASE_UNAVAILABLE'],
    ['ENOSPC', 'STORAGE_FULL'],
  ])('%s becomes %s, from pg and from Prisma', (code, expected) => {
    expect(codeOf(withCode(code))).toBe(expected);
    expect(codeOf(prisma({ kind: 'postgres', originalCode: code }))).toBe(expected);
  });

  test('tells the client nothing that the driver said', () => {
    const error = withCode('57014');
    const mapped = toStoreError(error);
    expect(mapped.message).not.toContain('secret');
    expect(mapped.cause).toBe(error);
  });

  test.each(['DatabaseNotReachable', 'ConnectionClosed', 'SocketTimeout'])(
    '%s of Prisma means that the database is away',
    (kind) => {
      expect(codeOf(prisma({ kind }))).toBe('DATABASE_UNAVAILABLE');
    },
  );

  test('counts where it is one of several or the cause of another', () => {
    expect(codeOf(new AggregateError([withCode('ECONNREFUSED')]))).toBe('DATABASE_UNAVAILABLE');
    expect(codeOf(new Error('wrapped', { cause: withCode('ECONNRESET') }))).toBe('DATABASE_UNAVAILABLE');
  });

  test.each([
    ['a CHECK', { code: '23514', constraint: 'named' }],
    ['a column that takes no NULL', { code: '23502', column: 'tenant' }],
    ['a unique index', { code: '23505', constraint: 'one_of_each' }],
    ['an exclusion', { code: '23P01', constraint: 'apart' }],
    ['a foreign key', { code: '23503', constraint: 'of_tenant' }],
    ['RAISE in a trigger', { code: 'P0001', routine: 'exec_stmt_raise' }],
    ['RAISE with an SQLSTATE of its own', { code: '45000', routine: 'exec_stmt_raise' }],
    ['a policy', { code: '42501', routine: 'ExecWithCheckOptions' }],
  ])('%s of the database is a conflict, told without its detail and logged with it', (_, fields) => {
    const error = Object.assign(new Error('new row for "image" is refused'), {
      detail: 'Failing row contains (private).',
      where: 'PL/pgSQL function shop.guard() line 3 at RAISE',
      ...fields,
    });
    expect(toStoreError(error)).toBeInstanceOf(RefusedByRuleError);
    expect(toStoreError(error)).toMatchObject({
      code: 'CONFLICT',
      message: 'Refused by a rule of this database',
      cause: error,
      detail:
        'new row for "image" is refused; Failing row contains (private).; PL/pgSQL function shop.guard() line 3 at RAISE',
    });
  });

  test('a right that the role lacks, and a partition that is gone, are no rules', () => {
    expect(codeOf(Object.assign(withCode('42501'), { routine: 'aclcheck_error' }))).toBe('DATABASE_UNAVAILABLE');
    const gone = Object.assign(withCode('23514'), { routine: 'ExecFindPartition' });
    expect(toStoreError(gone)).toBe(gone);
  });

  test.each(['42601', '23505', '22012', 'XX000'])('%s is a defect and stays what it was', (code) => {
    const error = withCode(code);
    expect(toStoreError(error)).toBe(error);
  });

  test('stays ours where it is ours', () => {
    const error = new SemblanceError('NOT_FOUND', 'no such image');
    expect(toStoreError(error)).toBe(error);
  });

  test('does not blame the database for the full disk of an export', () => {
    const error = new ConfigurationError('x.tar cannot be written: no space left', { cause: withCode('ENOSPC') });
    expect(toStoreError(error)).toBe(error);
  });

  test('is worth another attempt after a deadlock or a serialization failure only', () => {
    expect(['40001', '40P01', '55P03', '57014', 'ECONNRESET'].filter((code) => isRetryable(withCode(code)))).toEqual([
      '40001',
      '40P01',
    ]);
    expect(isRetryable(prisma({ kind: 'postgres', originalCode: '40001' }))).toBe(true);
  });

  test('has an SQLSTATE unless it is the network’s', () => {
    expect(sqlStateOf(withCode('42P01'))).toBe('42P01');
    expect(sqlStateOf(withCode('EPIPE'))).toBeUndefined();
  });
});

describe('the messages that pg gives no code', () => {
  const require = createRequire(import.meta.url);
  const pgFolder = dirname(require.resolve('pg'));
  const sources = [join(pgFolder, 'client.js'), join(pgFolder, 'connection.js'), require.resolve('pg-pool')]
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');

  test.each(driverMessages.unavailable)('%s', (message) => {
    expect(sources).toContain(`'${message}'`);
    expect(codeOf(new Error(message))).toBe('DATABASE_UNAVAILABLE');
  });

  test.each(driverMessages.overloaded)('%s', (message) => {
    expect(sources).toContain(`'${message}'`);
    expect(codeOf(new Error(message))).toBe('OVERLOADED');
  });
});
