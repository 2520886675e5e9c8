import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { multipartBody, multipartType } from './client.js';
import type { TestServer } from './server.js';

export interface Answer {
  readonly kind: 'search' | 'upload' | 'similar';
  /** Since the load began. */
  readonly startedMs: number;
  readonly latencyMs: number;
  /** HTTP status; 0 where the connection broke. */
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** Of the first error, or of the connection's; undefined where there was none. */
  readonly code: unknown;
}

export const searchQuery = 'query ($file: Upload!) { searchByUpload(file: $file, k: 5) { rank } }';
export const uploadMutation = 'mutation ($file: Upload!) { uploadImage(file: $file) { created } }';

/** Bytes behind the end of a JPEG change its hash and nothing else: each is an image of its own, of equal work. */
export function another(jpeg: Buffer): Buffer {
  return Buffer.concat([jpeg, randomBytes(16)]);
}

export interface Sender {
  /** One of 127.0.0.0/8: each caller has bounds of its own. */
  readonly address: string;
  /** When the load began. */
  readonly beganMs: number;
}

export function sendFile(server: TestServer, query: string, file: Buffer, sender: Sender): Promise<Answer> {
  const body = multipartBody([
    { name: 'operations', body: JSON.stringify({ query, variables: { file: null } }) },
    { name: 'map', body: '{"0":["variables.file"]}' },
    { name: '0', body: file, filename: 'a.jpg' },
  ]);
  const headers = { 'content-type': multipartType, 'apollo-require-preflight': '1' };
  return send(server, query === searchQuery ? 'search' : 'upload', body, headers, sender);
}

/** Asks for what looks like a stored image. */
export function sendSimilar(server: TestServer, imageId: string, sender: Sender): Promise<Answer> {
  const query = 'query ($id: ID!) { similarImages(imageId: $id, k: 5) { rank } }';
  const body = Buffer.from(JSON.stringify({ query, variables: { id: imageId } }));
  return send(server, 'similar', body, { 'content-type': 'application/json' }, sender);
}

function send(
  server: TestServer,
  kind: Answer['kind'],
  body: Buffer,
  headers: Readonly<Record<string, string>>,
  { address, beganMs }: Sender,
): Promise<Answer> {
  const startedMs = performance.now();
  return new Promise((resolve) => {
    const end = (status: number, code: unknown, retryAfter?: string): void => {
      resolve({
        kind,
        startedMs: startedMs - beganMs,
        latencyMs: performance.now() - startedMs,
        status,
        retryAfter,
        code,
      });
    };
    const request = httpRequest(`${server.url}/graphql`, {
      method: 'POST',
      // A connection of its own: one that is kept may be closed at the moment of its use.
      agent: false,
      localAddress: address,
      headers: { ...headers, 'content-length': body.byteLength },
    });
    request.once('error', (error) => {
      end(0, (error as NodeJS.ErrnoException).code);
    });
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', (error) => {
        end(0, (error as NodeJS.ErrnoException).code);
      });
      response.once('end', () => {
        end(response.statusCode ?? 0, codeOf(Buffer.concat(chunks).toString()), response.headers['retry-after']);
      });
    });
    request.end(body);
  });
}

export interface Load {
  readonly seconds: number;
  readonly perSecond: number;
  /** @param index of the request, from 0 */
  readonly send: (index: number) => Promise<Answer>;
}

const tickMs = 20;

/** Sends as many requests as are due, however late the timer is: the load does not wait for the server. Answers what came of all. */
export async function offer({ seconds, perSecond, send }: Load): Promise<readonly Answer[]> {
  const beganMs = performance.now();
  const answers: Promise<Answer>[] = [];
  for (;;) {
    const atSeconds = (performance.now() - beganMs) / 1000;
    if (atSeconds >= seconds) return Promise.all(answers);
    while (answers.length < atSeconds * perSecond) answers.push(send(answers.length));
    await delay(tickMs);
  }
}

function codeOf(text: string): unknown {
  const { errors } = JSON.parse(text) as { errors?: readonly { readonly extensions?: { readonly code?: unknown } }[] };
  return errors?.[0]?.extensions?.code;
}

/** Resident bytes of the server and of the processes that it started. Linux alone tells. */
export async function residentBytes(pid: number): Promise<number> {
  const entries = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const statuses = await Promise.all(entries.map((entry) => readFile(`/proc/${entry}/status`, 'utf8').catch(() => '')));
  const numberOf = (status: string, name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  return statuses
    .filter((status) => numberOf(status, 'Pid') === pid || numberOf(status, 'PPid') === pid)
    .reduce((sum, status) => sum + (numberOf(status, 'VmRSS') || 0) * 1024, 0);
}
