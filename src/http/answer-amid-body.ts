import type { IncomingMessage } from 'node:http';
import type { Response } from 'express';
import { drainTimeoutMs, maxDrainedBytes } from '../limits.js';

/**
 * Answers a request that may still be sending its body: the whole answer at once, so that whoever listens may stop sending, and
 * its end once nothing more comes. A connection that is closed while its client still sends is reset, and the answer lost with
 * it (RFC 9112, section 9.6). Never rejects, and breaks off after a number of bytes and a time, for a stranger chooses both.
 */
export async function answerAmidBody(request: IncomingMessage, response: Response, json: string): Promise<void> {
  response.type('json').set('Content-Length', String(Buffer.byteLength(json)));
  if (request.complete || request.destroyed) {
    response.end(json);
    return;
  }
  response.write(json);
  if (await isDrained(request)) response.end();
  else request.destroy();
}

/** Reads what is left of a request and throws it away; false where that is too much, or takes too long. */
function isDrained(request: IncomingMessage): Promise<boolean> {
  return new Promise((resolve) => {
    let leftBytes = maxDrainedBytes;
    const finish = (drained: boolean): void => {
      clearTimeout(timeout);
      request.off('data', count).off('end', onEnd).off('close', onEnd);
      resolve(drained);
    };
    const onEnd = (): void => {
      finish(true);
    };
    const count = (chunk: Buffer): void => {
      leftBytes -= chunk.byteLength;
      if (leftBytes < 0) finish(false);
    };
    const timeout = setTimeout(finish, drainTimeoutMs, false);
    request.on('data', count).once('end', onEnd).once('close', onEnd).resume();
  });
}
