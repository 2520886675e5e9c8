import type { IncomingMessage } from 'node:http';
import type { Request } from 'express';
import { maxDrainedBytes } from '../../base/limits.js';

/** Whether files come with it. */
export function isUpload(request: Request): boolean {
  return typeof request.is('multipart/form-data') === 'string';
}

/** In bytes. Undefined for a body in chunks, which ends where its client pleases. */
export function contentLength({ headers }: IncomingMessage): number | undefined {
  const text = headers['content-length'];
  return text === undefined ? undefined : Number(text);
}

/**
 * Ends the connection of a body in chunks that goes on beyond the bound: what its parser does not take is skipped without end.
 * To be called in the tick in which the parser begins to read.
 */
export function cutOff(request: IncomingMessage, maxBytes: number): void {
  if (request.headers['transfer-encoding'] === undefined) return;
  // Whoever only sent too much has the time to read the answer.
  let leftBytes = maxBytes + maxDrainedBytes;
  request.on('data', (chunk: Buffer) => {
    leftBytes -= chunk.byteLength;
    if (leftBytes < 0) request.destroy();
  });
}
