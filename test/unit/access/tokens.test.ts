import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type JWTPayload } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CredentialError } from '../../../src/access/caller.js';
import { openTokenVerifier } from '../../../src/access/tokens.js';

const issuer = 'https://login.example.org/';
const audience = 'semblance';
let server: Server;
let keys: Awaited<ReturnType<typeof generateKeyPair>>;
let fetches = 0;
let answer: { readonly status: number; readonly body: string };
let jwksUrl: string;

beforeAll(async () => {
  keys = await generateKeyPair('RS256');
  answer = {
    status: 200,
    body: JSON.stringify({ keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }] }),
  };
  server = createServer((_request, response) => {
    fetches += 1;
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  jwksUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
});

afterAll(() => {
  server.close();
});

const open = (scopeClaim = 'scope', url = jwksUrl) => openTokenVerifier({ jwksUrl: url, issuer, audience, scopeClaim });

function sign(payload: JWTPayload = { scope: 'read' }, change: (token: SignJWT) => SignJWT = (token) => token) {
  const token = new SignJWT(payload)
    .setProtectedHeader({ alg: 'RS256', kid: 'one' })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject('ada')
    .setExpirationTime('5m');
  return change(token).sign(keys.privateKey);
}

describe('a token', () => {
  it('of the issuer, for this audience, is taken, and its keys are fetched once', async () => {
    const verify = open();
    const before = fetches;
    expect(await verify(await sign({ scope: 'openid write email' }))).toEqual({ subject: 'ada', scope: 'write' });
    await verify(await sign());
    expect(fetches - before).toBe(1);
  });

  it.each([
    [{ scope: 'semblance:admin' }, 'scope', 'admin'],
    [{ scope: 'openid' }, 'scope', undefined],
    [{}, 'scope', undefined],
    [{ permissions: ['read', 'write'] }, 'permissions', 'write'],
    [{ 'https://example.org/scopes': ['read'] }, 'https://example.org/scopes', 'read'],
    [{ realm_access: { roles: ['admin'] } }, 'realm_access.roles', 'admin'],
    [{ scope: { read: true } }, 'scope', undefined],
    [{ scope: 'reader' }, 'scope', undefined],
  ])('of %o allows by %s: %s', async (payload, claim, scope) => {
    expect((await open(claim)(await sign(payload))).scope).toBe(scope);
  });

  it('is refused where it is of another issuer or audience, expired, without an end, early, altered or unsigned', async () => {
    const verify = open();
    const other = await generateKeyPair('RS256');
    const good = await sign();
    const [head = '', , signature = ''] = good.split('.');
    const claims = { iss: issuer, aud: audience, sub: 'ada', exp: 4_000_000_000, scope: 'admin' };
    const asHmac = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', kid: 'one' })
      .sign(Buffer.from(answer.body.padEnd(64)));
    const tokens: Readonly<Record<string, string>> = {
      issuer: await sign({}, (token) => token.setIssuer('https://evil.example/')),
      audience: await sign({}, (token) => token.setAudience('another-service')),
      expired: await sign({}, (token) => token.setExpirationTime('-1m')),
      early: await sign({}, (token) => token.setNotBefore('10m')),
      endless: await new SignJWT({ scope: 'read' })
        .setProtectedHeader({ alg: 'RS256', kid: 'one' })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject('ada')
        .sign(keys.privateKey),
      altered: `${head}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`,
      unsigned: new UnsecuredJWT(claims).encode(),
      hmac: asHmac,
      stranger: await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'one' }).sign(other.privateKey),
      unknownKey: await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'two' }).sign(keys.privateKey),
      nonsense: 'nonsense',
    };
    for (const [name, token] of Object.entries(tokens)) {
      await expect(verify(token), name).rejects.toBeInstanceOf(CredentialError);
    }
  });

  it.each([
    ['an error', { status: 500, body: '{}' }],
    ['no keys', { status: 200, body: '<html>' }],
  ])('cannot be checked while the issuer answers with %s, which is not its fault', async (_name, broken) => {
    const good = answer;
    answer = broken;
    const verify = open();
    const token = await sign();
    await expect(verify(token)).rejects.toMatchObject({ code: 'AUTHENTICATION_UNAVAILABLE', status: 503 });
    answer = good;
    expect((await verify(token)).subject).toBe('ada');
  });

  it('nor while nobody answers', async () => {
    const verify = open('scope', 'http://127.0.0.1:9/keys');
    await expect(verify(await sign())).rejects.toMatchObject({ code: 'AUTHENTICATION_UNAVAILABLE' });
  });
});
