import type { ApolloClient } from '@apollo/client';
import { forgetNeighbours, noteImageGone, onImageGone } from '../../client.js';
import { AddImageDocument } from '../../generated/graphql.js';
import { mayDo } from '../../lib/access.js';
import { describeCode, describeError, describeScope, type DescribedError } from '../../lib/describe-error.js';
import { findDeleted } from './still-stored.js';
import { addToGallery } from './use-gallery.js';

/** Requests at the same time: the server works on so many, and searches in between stay quick. */
const maxConcurrent = 3;
/** Attempts with one file that the server puts off. It is told first for how long, then they are further and further apart. */
const maxAttempts = 6;

export type UploadState =
  | { readonly kind: 'waiting' }
  /** Share of the file that was sent; from 1 on the server reads and embeds it. */
  | { readonly kind: 'sending'; readonly sent: number }
  | { readonly kind: 'stored'; readonly imageId: string; readonly created: boolean }
  | { readonly kind: 'failed'; readonly error: DescribedError };

export interface Upload {
  readonly id: number;
  readonly file: File;
  /** Within the folder that was chosen or dropped; the file's name otherwise. */
  readonly path: string;
  readonly state: UploadState;
}

export interface PickedFile {
  readonly file: File;
  readonly path: string;
}

let uploads: readonly Upload[] = [];
let count = 0;
let running = 0;
let notifying = false;
/** The server wants to be asked no earlier; Unix milliseconds. */
let pausedUntilMs = 0;
const attempts = new Map<number, number>();
const listeners = new Set<() => void>();

export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** All of this tab, whatever view is open. */
export function currentUploads(): readonly Upload[] {
  return uploads;
}

/** Seconds for which the server wants to be left alone; 0 where it does not. */
export function pausedSeconds(): number {
  return Math.max(0, Math.ceil((pausedUntilMs - Date.now()) / 1000));
}

/** One request a file, so that each has its own progress and its own end; a few at a time. */
export function addUploads(client: ApolloClient, files: readonly PickedFile[]): void {
  const added = files.map(({ file, path }): Upload => {
    count += 1;
    return { id: count, file, path, state: refusalOf(file) ?? { kind: 'waiting' } };
  });
  uploads = [...uploads, ...added];
  notify();
  work(client);
}

export function retryUploads(client: ApolloClient, ids: ReadonlySet<number>): void {
  uploads = uploads.map((each) =>
    ids.has(each.id) && each.state.kind === 'failed' ? { ...each, state: { kind: 'waiting' } } : each,
  );
  notify();
  work(client);
}

/** Takes what has ended off the list. */
export function clearEnded(): void {
  uploads = uploads.filter(({ state }) => !hasEnded(state));
  notify();
}

onImageGone((imageId) => {
  uploads = uploads.filter(({ state }) => state.kind !== 'stored' || state.imageId !== imageId);
  notify();
});

/** Others delete pictures, too: takes off the list what is no longer stored. Where the server cannot be asked, all stay. */
export async function forgetDeleted(client: ApolloClient, among: readonly Upload[]): Promise<void> {
  const stored = among.flatMap(({ state }) => (state.kind === 'stored' ? [state.imageId] : []));
  try {
    for (const id of await findDeleted(client, [...new Set(stored)])) noteImageGone(id);
  } catch {
    // Whatever the view reads fails as well, and says why.
  }
}

/** Files that wait are no longer sent; those under way are. */
export function stopWaiting(): void {
  uploads = uploads.filter(({ state }) => state.kind !== 'waiting');
  notify();
}

export function hasEnded({ kind }: UploadState): boolean {
  return kind === 'stored' || kind === 'failed';
}

function work(client: ApolloClient): void {
  if (pausedSeconds() > 0) return;
  while (running < maxConcurrent) {
    const next = uploads.find(({ state }) => state.kind === 'waiting');
    if (next === undefined) break;
    running += 1;
    void send(client, next).finally(() => {
      running -= 1;
      work(client);
      if (running === 0) forgetNeighbours(client);
    });
  }
  window.removeEventListener('beforeunload', warn);
  if (running > 0) window.addEventListener('beforeunload', warn);
}

/** Leaving the page now would lose what was not sent. */
function warn(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

async function send(client: ApolloClient, { id, file, path }: Upload): Promise<void> {
  setState(id, { kind: 'sending', sent: 0 });
  try {
    const { data } = await client.mutate({
      mutation: AddImageDocument,
      variables: { file, metadata: path === file.name ? null : { path } },
      // The list is written below, and nothing else reads it.
      fetchPolicy: 'no-cache',
      context: {
        fetchOptions: {
          onUploadProgress: (sent: number) => {
            setState(id, { kind: 'sending', sent });
          },
        },
      },
    });
    if (data == null) throw new Error('The server answered nothing');
    const { image, created } = data.uploadImage;
    if (created) addToGallery(client, image);
    setState(id, { kind: 'stored', imageId: image.id, created });
  } catch (error) {
    const described = describeError(error);
    const attempt = (attempts.get(id) ?? 0) + 1;
    attempts.set(id, attempt);
    if (!isPutOff(described) || attempt >= maxAttempts) {
      attempts.delete(id);
      setState(id, { kind: 'failed', error: described });
      return;
    }
    setState(id, { kind: 'waiting' });
    pause(client, Math.max(described.retryAfterSeconds, 2 ** (attempt - 1)));
  }
}

/** For want of time or room, of which there will be more: a folder is more than a server takes in a minute. */
function isPutOff(error: DescribedError): error is DescribedError & { readonly retryAfterSeconds: number } {
  return error.retryAfterSeconds !== undefined && (error.code === 'RATE_LIMITED' || error.code === 'OVERLOADED');
}

function pause(client: ApolloClient, seconds: number): void {
  const wasPaused = pausedSeconds() > 0;
  pausedUntilMs = Math.max(pausedUntilMs, Date.now() + seconds * 1000);
  if (wasPaused) return;
  const timer = setInterval(() => {
    notify();
    if (pausedSeconds() > 0) return;
    clearInterval(timer);
    work(client);
  }, 1000);
}

/** What is known to be refused is not sent: films are large. About all others the server decides. */
function refusalOf({ type }: File): UploadState | undefined {
  if (!mayDo('write')) return { kind: 'failed', error: describeScope('write') };
  if (!/^(video|audio)\//.test(type)) return undefined;
  return { kind: 'failed', error: describeCode('UNSUPPORTED_MEDIA_TYPE', undefined) };
}

function setState(id: number, state: UploadState): void {
  uploads = uploads.map((each) => (each.id === id ? { ...each, state } : each));
  notify();
}

/** At most once a frame, however many files report. */
function notify(): void {
  if (notifying) return;
  notifying = true;
  setTimeout(() => {
    notifying = false;
    for (const listener of listeners) listener();
  }, 16);
}
