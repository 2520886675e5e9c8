import { useSyncExternalStore } from 'react';

/** `extensions.semblance` of an answer that searched. Times in milliseconds. */
export interface SearchTimes {
  readonly space: string;
  /** By the index, or by comparing with every image. */
  readonly mode: 'hnsw' | 'exact';
  readonly embedMs: number;
  readonly databaseMs: number;
  readonly rerankMs: number;
}

const storageKey = 'semblance.last-search';
const maxKept = 200;
const byKey = new Map<string, SearchTimes>();
const listeners = new Set<() => void>();
let last: SearchTimes | undefined = readStored();

export function recordSearchTimes(extension: unknown, searchKey: string | undefined): void {
  if (!isSearchTimes(extension)) return;
  last = extension;
  if (searchKey !== undefined) byKey.set(searchKey, extension);
  const oldest = byKey.size > maxKept ? byKey.keys().next().value : undefined;
  if (oldest !== undefined) byKey.delete(oldest);
  try {
    sessionStorage.setItem(storageKey, JSON.stringify(extension));
  } catch {
    // Storage may be forbidden or full; the times then last as long as the page.
  }
  for (const listener of listeners) listener();
}

/** Of the search under that key; undefined where it has not been answered. */
export function useSearchTimes(searchKey: string): SearchTimes | undefined {
  return useSyncExternalStore(subscribe, () => byKey.get(searchKey));
}

/** Of the last search in this tab. */
export function useLastSearchTimes(): SearchTimes | undefined {
  return useSyncExternalStore(subscribe, () => last);
}

export function totalMs({ embedMs, databaseMs, rerankMs }: SearchTimes): number {
  return embedMs + databaseMs + rerankMs;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function readStored(): SearchTimes | undefined {
  try {
    const value: unknown = JSON.parse(sessionStorage.getItem(storageKey) ?? 'null');
    return isSearchTimes(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isSearchTimes(value: unknown): value is SearchTimes {
  if (typeof value !== 'object' || value === null) return false;
  const { space, embedMs, databaseMs, rerankMs } = value as Record<string, unknown>;
  return typeof space === 'string' && [embedMs, databaseMs, rerankMs].every((time) => typeof time === 'number');
}
