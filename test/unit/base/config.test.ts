import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isLoopback, loadConfig } from '../../../src/base/config.js';
import { ConfigurationError } from '../../../src/base/errors.js';

function problemsOf(env: NodeJS.ProcessEnv): string[] {
  try {
    loadConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as Error).message.split('\n');
  }
  return [];
}

describe('loadConfig', () => {
  it('serves an embedded database on loopback where nothing is set', () => {
    expect(loadConfig({})).toMatchObject({
      host: '127.0.0.1',
      port: 4000,
      database: { kind: 'embedded' },
      schema: 'semblance',
      dataDir: resolve('data'),
      autoMigrate: true,
      anonymousAccess: 'admin',
      embeddingsPerMinute: 0,
      bytesPerMinute: 0,
      corsOrigins: [],
      pathPrefix: '',
      maxUploadBytes: 20_000_000,
    });
  });

  it('takes an empty variable as unset', () => {
    expect(loadConfig({ PORT: '', SEMBLANCE_DATA_DIR: '  ' })).toEqual(loadConfig({}));
  });

  it('names every malformed variable in one message', () => {
    const problems = problemsOf({
      PORT: '70000',
      DATABASE_URL: 'mysql://root:secret@localhost/db',
      SEMBLANCE_SCHEMA: 'Semblance"; drop',
      SEMBLANCE_AUTO_MIGRATE: 'maybe',
      SEMBLANCE_ALLOW_ANONYMOUS: 'all',
      SEMBLANCE_CORS_ORIGINS: 'https://example.org/',
      SEMBLANCE_MAX_UPLOAD_BYTES: '20MB',
    });
    expect(problems).toEqual([
      'Expected postgres://…, or memory: for DATABASE_URL but received "(hidden)"',
      'Expected none or read or write or admin for SEMBLANCE_ALLOW_ANONYMOUS but received "all"',
      'Expected an integer from 0 to 65535 for PORT but received "70000"',
      'Expected a lower-case SQL identifier of at most 63 characters for SEMBLANCE_SCHEMA but received "Semblance\\"; drop"',
      'Expected true or false for SEMBLANCE_AUTO_MIGRATE but received "maybe"',
      'Expected a comma-separated list of origins such as https://example.org for SEMBLANCE_CORS_ORIGINS but received "https://example.org/"',
      'Expected an integer from 1 to 1000000000 for SEMBLANCE_MAX_UPLOAD_BYTES but received "20MB"',
    ]);
  });

  it('takes an administrator of the same server, and of no embedded database', () => {
    const [url, adminUrl] = ['postgres://server@db/app', 'postgres://owner@db/app'];
    const env = { DATABASE_URL: url, SEMBLANCE_ADMIN_DATABASE_URL: adminUrl };
    expect(loadConfig(env).database).toEqual({ kind: 'server', url, adminUrl });
    expect(problemsOf({ ...env, SEMBLANCE_ADMIN_DATABASE_URL: 'memory:' })).toEqual([
      'Expected postgres://… for SEMBLANCE_ADMIN_DATABASE_URL but received "(hidden)"',
    ]);
    for (const database of ['', 'memory:']) {
      expect(problemsOf({ ...env, DATABASE_URL: database })).toEqual([
        'SEMBLANCE_ADMIN_DATABASE_URL is set, and DATABASE_URL names no Postgres server: the embedded database has one role. Unset it, or set DATABASE_URL.',
      ]);
    }
  });

  it('takes the path of a proxy without the slash at its end, and nothing that is no path', () => {
    for (const [text, prefix] of [
      ['/vision', '/vision'],
      ['/pictures/vision/', '/pictures/vision'],
      ['/', ''],
    ] as const) {
      expect(loadConfig({ SEMBLANCE_PATH_PREFIX: text }).pathPrefix).toBe(prefix);
    }
    for (const text of [
      'vision',
      'https://example.org/vision',
      '//evil.example',
      '/a/../b',
      '/"><script>',
      '/a b',
      '/a?b',
      // Names that the server itself serves.
      '/graphql',
      '/images/vision',
    ]) {
      expect(problemsOf({ SEMBLANCE_PATH_PREFIX: text })).toHaveLength(1);
    }
  });

  it('never repeats the password of a connection string', () => {
    expect(problemsOf({ DATABASE_URL: 'mysql://root:secret@localhost/db' }).join()).not.toContain('secret');
  });

  it.each(['public', 'pg_catalog', 'information_schema'])('refuses the schema %s, which is Postgres own', (schema) => {
    expect(problemsOf({ SEMBLANCE_SCHEMA: schema })).toHaveLength(1);
  });

  it.each([
    'postgres://user:pa#ss@host/db',
    'postgres://user:pa?ss@host/db',
    'postgres://user:pa/ss@host/db',
    'postgres://user:5#ss@host/db',
    'postgres://user:5?ss@host/db',
    'postgres://user:5/ss@host/db',
    'postgres://user:p@ss#w@host/db',
  ])('says which characters of a password have to be encoded: %s', (url) => {
    const expected = "postgres://… in which the password's #, ? and / are written as %23, %3F and %2F";
    expect(problemsOf({ DATABASE_URL: url })).toEqual([
      `Expected ${expected} for DATABASE_URL but received "(hidden)"`,
    ]);
    const right = { DATABASE_URL: 'postgres://user@host/db' };
    expect(problemsOf({ ...right, SEMBLANCE_ADMIN_DATABASE_URL: url })).toEqual([
      `Expected ${expected} for SEMBLANCE_ADMIN_DATABASE_URL but received "(hidden)"`,
    ]);
    expect(problemsOf({ ...right, SEMBLANCE_READ_DATABASE_URLS: `postgres://user@other/db,${url}` })).toEqual([
      `Expected a comma-separated list of ${expected} for SEMBLANCE_READ_DATABASE_URLS but received "(hidden)"`,
    ]);
  });

  it.each([
    'postgres://user:p%23a%3Fs%2Fs@host:5433/db?application_name=a@b',
    'postgres://user@host/db?options=-c%20search_path%3Da',
    'postgres://host/db?user=me@example.org',
  ])('takes %s as it stands', (url) => {
    expect(problemsOf({ DATABASE_URL: url })).toEqual([]);
  });

  it.each([
    ['memory:', { kind: 'memory' }],
    [
      'postgres://u:p@db:5432/app?sslmode=require',
      { kind: 'server', url: 'postgres://u:p@db:5432/app?sslmode=require' },
    ],
    ['postgresql://db/app', { kind: 'server', url: 'postgresql://db/app' }],
  ])('reads DATABASE_URL=%s', (url, target) => {
    expect(loadConfig({ DATABASE_URL: url }).database).toEqual(target);
  });
});

describe('listening', () => {
  it.each(['127.0.0.1', 'gallery.lan', '::1', '[::1]', '[::]', '[2001:db8::1]'])('HOST=%s is taken', (HOST) => {
    expect(loadConfig({ HOST }).host).toBe(HOST);
  });

  it.each(['[::1', '::1]', '[localhost]', '[127.0.0.1]', '[]', '[[::1]]', 'a b'])('HOST=%s is refused', (HOST) => {
    expect(problemsOf({ HOST })).toEqual([`Expected a host name or an IP address for HOST but received "${HOST}"`]);
  });

  it('asks nobody who they are on a bracketed loopback address, as on any other', () => {
    expect(loadConfig({ HOST: '[::1]' }).anonymousAccess).toBe('admin');
  });

  it.each(['127.0.0.1', '127.8.8.8', 'localhost', '::1'])('%s is loopback', (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  it.each(['0.0.0.0', '::', '10.0.0.1', 'example.org', '127.example.org'])('%s is not loopback', (host) => {
    expect(isLoopback(host)).toBe(false);
  });

  it('asks for credentials beyond loopback unless told otherwise, and on loopback where told so', () => {
    for (const HOST of ['0.0.0.0', '::', '10.0.0.1', 'gallery.lan'])
      expect(loadConfig({ HOST }).anonymousAccess).toBe('none');
    expect(loadConfig({ HOST: '0.0.0.0', SEMBLANCE_ALLOW_ANONYMOUS: 'read' }).anonymousAccess).toBe('read');
    expect(loadConfig({ SEMBLANCE_ALLOW_ANONYMOUS: 'none' }).anonymousAccess).toBe('none');
  });

  it('bounds the work of each caller where callers are told apart', () => {
    const bounds = { embeddingsPerMinute: 3_000, bytesPerMinute: 2_000_000_000 };
    expect(loadConfig({ SEMBLANCE_ALLOW_ANONYMOUS: 'none' })).toMatchObject(bounds);
    expect(loadConfig({ HOST: '0.0.0.0', SEMBLANCE_ALLOW_ANONYMOUS: 'write' })).toMatchObject(bounds);
  });
});

describe('tokens', () => {
  const issuer = {
    SEMBLANCE_JWKS_URL: 'https://login.example.org/keys',
    SEMBLANCE_JWT_ISSUER: 'https://login.example.org/',
    SEMBLANCE_JWT_AUDIENCE: 'semblance',
  };

  it('are taken of an issuer for an audience', () => {
    expect(loadConfig({}).tokens).toBeUndefined();
    expect(loadConfig(issuer).tokens).toEqual({
      jwksUrl: 'https://login.example.org/keys',
      issuer: 'https://login.example.org/',
      audience: 'semblance',
      scopeClaim: 'scope',
    });
  });

  it.each(Object.keys(issuer))('are not, without %s', (name) => {
    expect(problemsOf({ ...issuer, [name]: '' })).toEqual([expect.stringContaining('set all three')]);
  });

  it.each(['http://login.example.org/keys', 'https://user:secret@login.example.org/', 'keys.json'])(
    'are not checked with keys that anybody could replace: %s',
    (url) => {
      expect(problemsOf({ ...issuer, SEMBLANCE_JWKS_URL: url })[0]).toContain('begins with https://');
    },
  );
});

it('repeats no secret', () => {
  const problems = problemsOf({ SEMBLANCE_URL_SECRET: 'short secret', SEMBLANCE_API_KEY: 'smb_ secret' });
  expect(problems).toHaveLength(2);
  expect(problems.join()).not.toContain('secret"');
  expect(problems.join()).toContain('(hidden)');
});

describe('hub', () => {
  it('is the public one unless a mirror is named, which may have a path', () => {
    expect(loadConfig({}).hub).toEqual({
      endpoint: 'https://huggingface.co',
      token: undefined,
      proxy: { http: '', https: '', no: '' },
    });
    expect(loadConfig({ HF_ENDPOINT: 'http://mirror.example.org/hf/' }).hub.endpoint).toBe(
      'http://mirror.example.org/hf',
    );
  });

  it('takes proxies in either case, the lower first, and checks none: a server needs no hub', () => {
    const env = { HTTPS_PROXY: 'socks5://a', https_proxy: 'http://b', HTTP_PROXY: 'nonsense', NO_PROXY: 'localhost' };
    expect(loadConfig(env).hub.proxy).toEqual({ http: 'nonsense', https: 'http://b', no: 'localhost' });
  });

  it('names what is malformed, and never repeats a token', () => {
    expect(problemsOf({ HF_ENDPOINT: 'huggingface.co', HF_TOKEN: 'hf_se cret' })).toEqual([
      'Expected an address such as https://huggingface.co for HF_ENDPOINT but received "huggingface.co"',
      'Expected a token without spaces for HF_TOKEN but received "(hidden)"',
    ]);
  });
});
