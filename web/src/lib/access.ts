import { useSyncExternalStore } from 'react';

/** What credentials allow; each includes those before it. */
export const scopes = ['read', 'write', 'admin'] as const;
export type Scope = (typeof scopes)[number];

export interface Access {
  /** API key or token, sent with every request. */
  readonly credential: string | undefined;
  /** Why the server shows nothing until somebody signs in; undefined while it does. */
  readonly refusal: 'missing' | 'invalid' | 'powerless' | undefined;
  /** The least that the server is known to refuse; undefined where it is not known to refuse anything. */
  readonly lacking: Scope | undefined;
  /** Whether the server was asked what it allows. */
  readonly asked: boolean;
}

/** Of the tab: it ends with it, and other tabs do not have it. */
const storageKey = 'semblance.credential';
const listeners = new Set<() => void>();
let access: Access = { credential: readStored(), refusal: undefined, lacking: undefined, asked: false };

export function currentAccess(): Access {
  return access;
}

export function useAccess(): Access {
  return useSyncExternalStore(subscribe, currentAccess);
}

/** True where it is not known. */
export function mayDo(needed: Scope, { lacking }: Access = access): boolean {
  return lacking === undefined || scopes.indexOf(needed) < scopes.indexOf(lacking);
}

/** Of credentials that the server was asked about. */
export function keepCredential(credential: string, lacking: Scope | undefined): void {
  try {
    sessionStorage.setItem(storageKey, credential);
  } catch {
    // Storage may be forbidden; the credential then lasts as long as the page.
  }
  update({ credential, refusal: undefined, lacking, asked: true });
}

/** Loaded anew, the page holds nothing of what the credential let it see. */
export function forgetCredential(): void {
  try {
    sessionStorage.removeItem(storageKey);
  } catch {
    // Then it was never stored.
  }
  update({ ...access, credential: undefined });
  location.reload();
}

/** What an answer told. */
export function learn(lesson: Partial<Pick<Access, 'refusal' | 'lacking' | 'asked'>>): void {
  const { lacking = access.lacking } = lesson;
  const least = scopes.find((scope) => scope === lacking || scope === access.lacking);
  update({ ...access, ...lesson, lacking: least });
}

function update(next: Access): void {
  if ((Object.keys(next) as (keyof Access)[]).every((name) => next[name] === access[name])) return;
  access = next;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function readStored(): string | undefined {
  try {
    return sessionStorage.getItem(storageKey) ?? undefined;
  } catch {
    return undefined;
  }
}
