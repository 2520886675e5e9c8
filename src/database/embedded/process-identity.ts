import { readFile, readlink } from 'node:fs/promises';

/**
 * Which process, beyond its number: numbers are used again, and in a container every server is process 1. Null where
 * the system does not tell (it takes Linux's /proc).
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from the boot to the process's start. */
  readonly startTicks: string | null;
  readonly bootId: string | null;
  /** Numbers count only within one namespace: each container has its own. */
  readonly pidNamespace: string | null;
}

export async function ownIdentity(): Promise<ProcessIdentity> {
  return {
    pid: process.pid,
    startTicks: (await readStat(process.pid))?.startTicks ?? null,
    bootId: await readFile('/proc/sys/kernel/random/boot_id', 'utf8').then(
      (text) => text.trim(),
      () => null,
    ),
    pidNamespace: await readlink('/proc/self/ns/pid').catch(() => null),
  };
}

/** 'unknown' where the process belongs to another boot, machine or container, or the system does not tell. */
export async function livenessOf(
  process: ProcessIdentity,
  own: ProcessIdentity,
): Promise<'alive' | 'dead' | 'unknown'> {
  const { bootId, pidNamespace } = own;
  if (own.startTicks === null || process.startTicks === null || bootId === null || pidNamespace === null)
    return 'unknown';
  if (process.bootId !== bootId || process.pidNamespace !== pidNamespace) return 'unknown';
  const stat = await readStat(process.pid);
  if (stat === null) return 'unknown';
  // A zombie has released everything; it only waits for its parent.
  return stat?.startTicks === process.startTicks && stat.state !== 'Z' ? 'alive' : 'dead';
}

/**
 * https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html, fields 3 and 22. The second may hold any character.
 * Undefined where there is no such process, null where the system does not tell: too many files are open, or it is hidden.
 */
async function readStat(
  pid: number,
): Promise<{ readonly state: string; readonly startTicks: string } | undefined | null> {
  let text: string;
  try {
    text = await readFile(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    // The second where it ends between the opening and the reading.
    return ['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '') ? undefined : null;
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, startTicks] = [fields[0], fields[19]];
  return state === undefined || startTicks === undefined ? undefined : { state, startTicks };
}
