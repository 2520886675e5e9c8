import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/base/config.js';
import { describeConfig, unknownVariables } from '../../../src/base/describe-config.js';

/** Everything that can be set, secrets with a word that is looked for. */
const env = {
  HOST: '0.0.0.0',
  DATABASE_URL: 'postgres://app:s3cret-1@db:5432/x?sslmode=require&sslpassword=s3cret-2',
  SEMBLANCE_ADMIN_DATABASE_URL: 'postgres://owner:s3cret-3@db/x',
  SEMBLANCE_READ_DATABASE_URLS: 'postgres://app:s3cret-4@one/x, postgres://app:s3cret-5@two/x',
  SEMBLANCE_URL_SECRET: 's3cret-6'.padEnd(32, 'x'),
  SEMBLANCE_API_KEY: 's3cret-7',
  SEMBLANCE_METRICS_TOKEN: 's3cret-8'.padEnd(32, 'x'),
  HF_TOKEN: 's3cret-9',
  HTTPS_PROXY: 'http://me:s3cret-0@proxy:3128',
  SEMBLANCE_JWKS_URL: 'https://issuer.example/keys',
  SEMBLANCE_JWT_ISSUER: 'https://issuer.example/',
  SEMBLANCE_JWT_AUDIENCE: 'semblance',
};

describe('the configuration as it is printed', () => {
  it('holds no secret', () => {
    const text = JSON.stringify(describeConfig(loadConfig(env)));
    expect(text).not.toContain('s3cret');
    expect(text).toContain('postgres://app:(hidden)@db:5432/x?sslmode=(hidden)&sslpassword=(hidden)');
    expect(text).toContain('postgres://app:(hidden)@one/x,postgres://app:(hidden)@two/x');
  });

  it('names every variable that is read, and docs/configuration.md the same', async () => {
    const read = new Set<string>();
    loadConfig(
      new Proxy(env, {
        get: (target, name) => {
          if (typeof name === 'string') read.add(name.toUpperCase());
          return Reflect.get(target, name) as unknown;
        },
      }),
    );
    const described = Object.keys(describeConfig(loadConfig(env)));
    expect([...described].sort()).toEqual([...read].sort());
    const rows = (await readFile('docs/configuration.md', 'utf8')).split('\n').filter((line) => line.startsWith('| `'));
    const first = rows.flatMap((row) =>
      [...(row.split('|')[1] ?? '').matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name),
    );
    expect([...new Set(first)].sort()).toEqual([...described].sort());
  });

  it('tells defaults from what is set', () => {
    expect(describeConfig(loadConfig({}))).toMatchObject({
      PORT: '4000',
      DATABASE_URL: '(unset)',
      SEMBLANCE_ALLOW_ANONYMOUS: 'admin',
      SEMBLANCE_URL_SECRET: '(unset)',
      SEMBLANCE_LOG_LEVEL: 'info',
    });
  });
});

it('a variable that nothing reads is found', () => {
  const odd = { ...env, SEMBLANCE_ALOW_ANONYMOUS: 'none', SEMBLANCE_BENCH_DATA: '/data', PATH: '/bin' };
  expect(unknownVariables(odd, loadConfig(odd))).toEqual(['SEMBLANCE_ALOW_ANONYMOUS']);
});
