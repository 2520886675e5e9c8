import type { IncomingMessage } from 'node:http';
import { drainTimeoutMs, maxDrainedBytes } from '../limits.js';

/**
 * Reads the rest of a refused request and throws it away. A connection that is closed while its client still sends is
 * reset, and the client (a proxy that asks for `Connection: close`, say) loses the answer. Never rejects, and gives up
 * after a number of bytes and a time, for a stranger chooses both.
 */
export function drain(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let leftBytes = maxDrainedBytes;
    const finish = (): void => {
      clearTimeout(timeout);
      request.off('data', count).off('end', finish).off('close', finish);
      resolve();
    };
    const count = (chunk: Buffer): void => {
      leftBytes -= chunk.byteLength;
      if (leftBytes < 0) finish();
    };
    const timeout = setTimeout(finish, drainTimeoutMs);
    request.on('data', count).once('end', finish).once('close', finish).resume();
  });
}
