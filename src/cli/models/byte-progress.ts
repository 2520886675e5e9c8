import { SingleBar } from 'cli-progress';
import { formatBytes } from '../output.js';
import { formatSeconds, RateMeter } from '../progress.js';

/** Follows one download on stderr; what an earlier run brought counts as done, not as fast. */
export interface ByteProgress {
  /** How many bytes there are now: fewer than before where the download begins anew. */
  readonly update: (bytes: number, totalBytes: number) => void;
  /** Always called, in a `finally`. */
  readonly stop: () => void;
}

export interface ByteProgressOptions {
  readonly label: string;
  readonly stream?: NodeJS.WriteStream;
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
}

const lineIntervalMs = 5_000;

/** A bar on a terminal; elsewhere a line at the start and every few seconds. */
export function startByteProgress(options: ByteProgressOptions): ByteProgress {
  const { label, stream = process.stderr, now = () => performance.now() } = options;
  const rate = new RateMeter(now);
  let bar: SingleBar | undefined;
  let done: number | undefined;
  let lastLineMs = -Infinity;

  const describe = (bytes: number, totalBytes: number) => ({
    label,
    done: formatBytes(bytes),
    size: formatBytes(totalBytes),
    rate: `${formatBytes(Math.round(rate.perSecond()))}/s`,
    left: formatSeconds((totalBytes - bytes) / rate.perSecond()),
  });
  return {
    update: (bytes, totalBytes) => {
      if (done !== undefined && bytes > done) rate.count(bytes - done);
      done = bytes;
      const payload = describe(bytes, totalBytes);
      if (stream.isTTY) {
        if (bar === undefined) {
          bar = new SingleBar({
            format: '{label} {bar} {percentage}% | {done} of {size} | {rate} | {left} left',
            barCompleteChar: '█',
            barIncompleteChar: '░',
            barsize: 30,
            hideCursor: true,
            fps: 10,
            stream,
          });
          bar.start(totalBytes, bytes, payload);
        }
        bar.update(bytes, payload);
        return;
      }
      if (now() - lastLineMs < lineIntervalMs) return;
      const first = lastLineMs === -Infinity;
      lastLineMs = now();
      const pace = first ? '' : `, ${payload.rate}, ${payload.left} left`;
      stream.write(`${label}: ${payload.done} of ${payload.size}${pace}\n`);
    },
    stop: () => {
      bar?.stop();
      bar = undefined;
    },
  };
}
