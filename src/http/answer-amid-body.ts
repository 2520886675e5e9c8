import type { IncomingMessage } from 'node:http';
import type { Response } from 'express';
import { drainStallMs, maxDrainedBytes } from '../base/limits.js';

/**
 * Answers a request that may still be sending its body: the whole answer at once, so that whoever listens may stop sending,
 * and then reads what comes and throws it away. A connection that is closed while its client still sends is reset, and the
 * answer lost with it (RFC 9112, section 9.6). Never rejects, and breaks off after a number of bytes or a silence, for a
 * stranger chooses both.
 */
export async function answerAmidBody(request: IncomingMessage, response: Response, json: string): Promise<void> {
  response.type('json').set('Content-Length', String(Buffer.byteLength(json)));
  (response.locals as Locals).isAnswered = true;
  // Node closes a connection that is not kept at the end of its answer.
  const waits = !response.shouldKeepAlive && !request.complete && !request.destroyed;
  const drained = drain(request);
  if (waits) response.write(json);
  else response.end(json);
  if (!(await drained)) request.destroy();
  else if (waits) response.end();
}

interface Locals {
  isAnswered?: boolean;
}

/** Whether the client was sent all of its answer: it may have gone before the formal end. */
export function isAnswered({ locals, writableFinished }: Response): boolean {
  return writableFinished || (locals as Locals).isAnswered === true;
}

/** Reads what is left of a request; false where that is too much, or nothing comes any more. */
function drain(request: IncomingMessage): Promise<boolean> {
  if (request.complete || request.destroyed) return Promise.resolve(true);
  return new Promise((resolve) => {
    let leftBytes = maxDrainedBytes;
    const finish = (isDrained: boolean): void => {
      clearTimeout(stall);
      request.off('data', count).off('end', onEnd).off('close', onEnd);
      resolve(isDrained);
    };
    const onEnd = (): void => {
      finish(true);
    };
    const count = (chunk: Buffer): void => {
      stall.refresh();
      leftBytes -= chunk.byteLength;
      if (leftBytes < 0) finish(false);
    };
    const stall = setTimeout(finish, drainStallMs, false);
    request.on('data', count).once('end', onEnd).once('close', onEnd).resume();
  });
}
