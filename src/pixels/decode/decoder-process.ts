/**
 * A process of its own that decodes files, one at a time, each sent to its standard input: what ends it, ends nothing
 * else. It has no environment, so no secret, and ends with the server, whatever became of that.
 */
import { messageOf, SemblanceError } from '../../base/errors.js';
import { maxDecodeCpuMs, maxIdleDecoderBytes } from '../../base/limits.js';
import { decodePixels } from './decode-pixels.js';
import { decodeOrder, isDecodeRefusal, type DecodeAnswer, type DecodeOrder } from './decoder-messages.js';
import { FrameReader, writeFrame } from './frames.js';

/** Between two looks at the time that a decode has taken. */
const cpuCheckMs = 100;

// Service managers signal every process of a service: the server decides when its decoders end.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

const reader = new FrameReader<DecodeOrder>({
  parseHeader: (value) => decodeOrder.parse(value),
  onFrame: (order, bytes) => void work(order, bytes),
});
process.stdin.on('data', (chunk: Buffer) => {
  reader.push(chunk);
});
process.stdin.on('end', end).on('error', end);
process.stdout.on('error', end);

async function work(order: DecodeOrder, bytes: Buffer): Promise<void> {
  answer({ kind: 'began', sizeBytes: 0 });
  const startUsage = process.cpuUsage();
  const watch = setInterval(() => {
    const { user, system } = process.cpuUsage(startUsage);
    if ((user + system) / 1000 < maxDecodeCpuMs) return;
    clearInterval(watch);
    const error = new SemblanceError('INVALID_IMAGE', `The ${order.mediaType} image takes too long to decode`);
    answer({ ...refusalOf(error), isLast: true });
  }, cpuCheckMs);
  try {
    const { width, height, pixels, contrasted } = await decodePixels({ ...order, bytes });
    if (contrasted !== undefined) answer({ kind: 'contrasted', sizeBytes: contrasted.byteLength }, contrasted);
    answer({ kind: 'decoded', width, height, isLast: holdsMuch(), sizeBytes: pixels.byteLength }, pixels);
  } catch (error) {
    answer({ ...refusalOf(error), isLast: holdsMuch() });
  } finally {
    clearInterval(watch);
  }
}

/** What large images leave behind is given back to the machine by the only way that always works: the process ends. */
function holdsMuch(): boolean {
  return process.memoryUsage.rss() > maxIdleDecoderBytes;
}

function refusalOf(error: unknown): Omit<Extract<DecodeAnswer, { readonly kind: 'refused' }>, 'isLast'> {
  if (!isDecodeRefusal(error)) throw error;
  const { code, message, cause } = error;
  return { kind: 'refused', code, message, cause: messageOf(cause).slice(0, 1000), sizeBytes: 0 };
}

function answer(header: DecodeAnswer, bytes?: Uint8Array): void {
  writeFrame(process.stdout, header, bytes);
}

/** Not process.exit, which would wait for a thread of libvips that is at work. */
function end(): void {
  process.kill(process.pid, 'SIGKILL');
}
