/** A decoder process that holds more than it may between two images, and does not end by itself. */
import { Buffer } from 'node:buffer';
import process from 'node:process';

process.kill = () => true;
globalThis.held = Buffer.alloc(544 * 2 ** 20, 1);
await import('../../dist/pixels/decode/decoder-process.js');
