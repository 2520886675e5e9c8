import { SemblanceError } from '../errors.js';
import { maxJsonDepth } from '../limits.js';

const quote = 0x22;
const backslash = 0x5c;
const openings = new Set([0x5b, 0x7b]);
const closings = new Set([0x5d, 0x7d]);

/**
 * Refuses JSON that is nested deeper than `maxJsonDepth`, before anything is built of it. One pass, no memory.
 * @param json in UTF-8
 * @throws SemblanceError BAD_USER_INPUT
 */
export function assertJsonDepth(json: Uint8Array, what: 'request' | 'file' = 'request'): void {
  let depth = 0;
  let inString = false;
  for (let index = 0; index < json.length; index++) {
    const byte = json[index] ?? 0;
    if (inString) {
      if (byte === backslash) index++;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = true;
    else if (openings.has(byte) && ++depth > maxJsonDepth) {
      throw new SemblanceError('BAD_USER_INPUT', `The ${what} has more than ${maxJsonDepth} levels of JSON`);
    } else if (closings.has(byte)) depth--;
  }
}
