import { createHash } from 'node:crypto';
import { link, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isSameFolder, type FolderIdentity } from './folder-identity.js';
import { livenessOf, type ProcessIdentity } from './process-identity.js';

/** Who holds a folder. The nonce names one holding and is never used again. */
export interface LockRecord extends ProcessIdentity {
  readonly nonce: string;
  /** Where it was written, by which a copy is told. None in the locks of older versions. */
  readonly folder?: FolderIdentity | undefined;
  /** Holds the database's socket; left behind by a process that was killed. */
  readonly socketFolder: string | null;
  /** Where the holder serves HTTP, once it does. */
  readonly url: string | null;
}

/** Who asks, and for which folder. */
export type Claim = ProcessIdentity & { readonly folder: FolderIdentity };

/** A lock, or a claim upon one, as it was read. */
export interface LockFile {
  readonly path: string;
  /** Undefined where the file holds no record. */
  readonly record: LockRecord | undefined;
  /** Of the claim upon it, if there is one. */
  readonly claimPath: string;
}

/** A holder whose process cannot be asked about, or holds another folder, is dead after so many heartbeats without a sign. */
const missedHeartbeats = 5;
/** A file beside the lock is a matter of milliseconds to whoever writes it. */
const leftoverAgeMs = 60_000;

export function lockPath(folder: string): string {
  return join(folder, 'semblance.lock');
}

/** Of the claim upon a holding: who links a file under this name is the next holder. */
export function claimPath(path: string, nonce: string): string {
  return `${path}.takeover-${createHash('sha256').update(nonce).digest('hex').slice(0, 16)}`;
}

/**
 * The lock, the claim upon its holder, the claim upon that one, and so on. The last is who holds the folder; empty where
 * nobody ever did. Whoever takes over puts its record in place of the lock and removes the claims, so that the chain is
 * long only where some were killed meanwhile.
 */
export async function readChain(path: string): Promise<readonly LockFile[]> {
  const chain: LockFile[] = [];
  for (let next = path; ;) {
    const text = await readText(next);
    if (text === undefined) return chain;
    const record = parseRecord(text);
    const nonce = record?.nonce ?? text;
    // A holder that releases the folder claims it with its own record, which is claimed in turn under another name.
    const released = nonce === chain.at(-1)?.record?.nonce;
    const claim = claimPath(path, released ? `${nonce} released` : nonce);
    chain.push({ path: next, record, claimPath: claim });
    if (chain.some((file) => file.path === claim)) return chain;
    next = claim;
  }
}

/** The chain, and its end where that one lives. */
export async function readHolder(
  path: string,
  own: Claim,
  heartbeatMs: number,
): Promise<{ readonly chain: readonly LockFile[]; readonly holder: LockRecord | undefined }> {
  for (;;) {
    const chain = await readChain(path);
    const last = chain.at(-1);
    if (last?.record === undefined) return { chain, holder: undefined };
    const life = await lifeOf(last.path, last.record, own, heartbeatMs);
    if (life !== 'changed') return { chain, holder: life === 'held' ? last.record : undefined };
  }
}

/** 'changed' where the file was replaced or removed while it was watched. */
async function lifeOf(
  path: string,
  record: LockRecord,
  own: Claim,
  heartbeatMs: number,
): Promise<'held' | 'dead' | 'changed'> {
  const liveness = await livenessOf(record, own);
  if (liveness === 'dead') return 'dead';
  // The holder gives signs of life to its own folder's lock: a copy's gets none.
  if (liveness === 'alive' && !isOfCopy(record, own)) return 'held';
  const before = await modifiedMs(path);
  for (let beat = 0; beat < missedHeartbeats; beat++) {
    await delay(heartbeatMs);
    if ((await modifiedMs(path)) === before) continue;
    return parseRecord(await readText(path))?.nonce === record.nonce ? 'held' : 'changed';
  }
  return 'dead';
}

/** Written in another folder, and copied with it. Older versions' locks do not tell: they count as written here. */
export function isOfCopy(record: LockRecord, own: Claim): boolean {
  if (record.folder === undefined) return false;
  const sameBoot = record.bootId !== null && record.bootId === own.bootId;
  return !isSameFolder(record.folder, own.folder, { sameBoot });
}

/** @returns false where there is a file of that name. Needs no room but for the name. */
export async function linkFile(file: string, target: string): Promise<boolean> {
  try {
    await link(file, target);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Hands `use` a file with the record, by which one appears whole where it is linked or renamed to. Nothing else is left of it. */
export async function withRecordFile<T>(
  path: string,
  record: LockRecord,
  use: (temporary: string) => Promise<T>,
): Promise<T> {
  const temporary = `${path}.${record.nonce}`;
  try {
    await writeFile(temporary, JSON.stringify(record), { mode: 0o600 });
    return await use(temporary);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Removes what killed processes left beside the lock of the holder `nonce`. */
export async function removeLeftovers(path: string, own: Claim, nonce: string): Promise<void> {
  const ownClaim = claimPath(path, nonce);
  const names = await readdir(dirname(path));
  for (const name of names.filter((each) => each.startsWith(`${basename(path)}.`))) {
    const file = join(dirname(path), name);
    if (file !== ownClaim && (await isLeftover(file, own))) await rm(file, { force: true });
  }
}

async function isLeftover(file: string, own: Claim): Promise<boolean> {
  const record = parseRecord(await readText(file));
  const liveness = record === undefined || isOfCopy(record, own) ? 'unknown' : await livenessOf(record, own);
  if (liveness !== 'unknown') return liveness === 'dead';
  return Date.now() - ((await modifiedMs(file)) ?? 0) > leftoverAgeMs;
}

export async function readRecord(path: string): Promise<LockRecord | undefined> {
  return parseRecord(await readText(path));
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function modifiedMs(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function parseRecord(text: string | undefined): LockRecord | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is LockRecord {
  return (
    typeof value === 'object' &&
    value !== null &&
    'pid' in value &&
    typeof value.pid === 'number' &&
    'nonce' in value &&
    typeof value.nonce === 'string'
  );
}
