import { describe, expect, it } from 'vitest';
import { maxCredentialCharacters, maxRefusedCredentialsPerMinute } from '../../../src/base/limits.js';
import { Authenticator, type AuthenticatorOptions } from '../../../src/access/authenticator.js';
import { CredentialError, mayDo, requireScope, ScopeError, type Caller } from '../../../src/access/caller.js';

const good = 'smb_good';
const record = {
  id: 'k1',
  name: 'web',
  scope: 'write',
  expiresAt: undefined,
  createdAt: new Date(0),
  revokedAt: undefined,
} as const;

function authenticator(options: Partial<AuthenticatorOptions> = {}) {
  const asked: string[] = [];
  const keys = {
    isKnown: (key: string) => key === good,
    verify: (key: string) => {
      asked.push(key);
      return key === good ? Promise.resolve(record) : Promise.reject(new CredentialError());
    },
  };
  return { asked, subject: new Authenticator({ anonymousAccess: 'none', keys, ...options }) };
}

describe('who asks', () => {
  it('is nobody without credentials, and may do what the operator lets anybody do', async () => {
    expect(await authenticator().subject.identify(undefined, '10.0.0.1')).toEqual({
      kind: 'anonymous',
      id: 'address:10.0.0.1',
      scope: undefined,
    });
    const open = authenticator({ anonymousAccess: 'read' }).subject;
    expect((await open.identify(undefined, '::ffff:10.0.0.1')).scope).toBe('read');
    for (const address of ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::9'])
      expect((await open.identify(undefined, address)).id).toBe('address:2001:db8:1:2::/64');
  });

  it('is whose key it is', async () => {
    const { subject } = authenticator();
    for (const header of [`Bearer ${good}`, `bearer  ${good} `]) {
      expect(await subject.identify(header, '10.0.0.1')).toEqual({ kind: 'key', id: 'key:k1', scope: 'write' });
    }
  });

  it('is a token, whose subject no log repeats', async () => {
    const verifyToken = () => Promise.resolve({ subject: 'ada@example.org', scope: undefined });
    const caller = await authenticator({ verifyToken }).subject.identify('Bearer a.b.c', '10.0.0.1');
    expect(caller.kind).toBe('token');
    expect(caller.id).toMatch(/^token:[0-9a-f]{16}$/);
  });

  it.each([
    '',
    'Bearer',
    'Basic YTpi',
    good,
    'Bearer a b',
    'Bearer a.b.c',
    `Bearer ${'a'.repeat(maxCredentialCharacters)}`,
  ])('is refused with "%s", even where none need any', async (header) => {
    const { subject } = authenticator({ anonymousAccess: 'admin' });
    await expect(subject.identify(header, '10.0.0.1')).rejects.toBeInstanceOf(CredentialError);
  });

  it('may not guess on and on, and holds up nobody who was known', async () => {
    const { subject, asked } = authenticator();
    for (let index = 0; index < maxRefusedCredentialsPerMinute; index++)
      await expect(subject.identify(`Bearer smb_${index}`, '10.0.0.1')).rejects.toBeInstanceOf(CredentialError);
    await expect(subject.identify('Bearer smb_more', '10.0.0.1')).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      retryAfterSeconds: expect.any(Number) as number,
    });
    expect(asked).not.toContain('smb_more');
    expect((await subject.identify(`Bearer ${good}`, '10.0.0.1')).kind).toBe('key');
    await expect(subject.identify('Bearer smb_more', '10.0.0.2')).rejects.toBeInstanceOf(CredentialError);
  });
});

describe('scopes', () => {
  const caller = (scope: Caller['scope'], kind: Caller['kind'] = 'key'): Caller => ({ kind, id: 'x', scope });

  it('each include those before', () => {
    const table = ([undefined, 'read', 'write', 'admin'] as const).map((held) =>
      (['read', 'write', 'admin'] as const).map((needed) => mayDo(caller(held), needed)),
    );
    expect(table).toEqual([
      [false, false, false],
      [true, false, false],
      [true, true, false],
      [true, true, true],
    ]);
  });

  it('tell strangers to say who they are, and others that it is not enough', () => {
    const codeOf = (who: Caller): unknown => {
      try {
        requireScope(who, 'write');
        return undefined;
      } catch (error) {
        return error instanceof ScopeError ? 'FORBIDDEN' : (error as { readonly code: unknown }).code;
      }
    };
    expect(
      [caller('read', 'anonymous'), caller('read'), caller(undefined, 'token'), caller('admin')].map(codeOf),
    ).toEqual(['UNAUTHENTICATED', 'FORBIDDEN', 'FORBIDDEN', undefined]);
  });
});
