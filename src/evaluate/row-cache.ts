import { mkdir, open, rm, stat, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readKept, readKeptText } from './work-file.js';

/** What one chunk of rows left beside them. */
interface ChunkLine {
  readonly rows: number;
  readonly ms: number;
  /** Row number and why it has none. */
  readonly failures: readonly (readonly [number, string])[];
}

/**
 * Rows of equal size that are computed once and kept on disk chunk by chunk, so that a run that was cut off goes on behind
 * the last whole chunk. Rows lie in `<path>.rows`; `<path>.log` holds a line of JSON for every chunk that is whole.
 */
export class RowCache {
  #rows: number;
  #ms: number;
  readonly #failures: Map<number, string>;

  private constructor(
    private readonly path: string,
    private readonly rowBytes: number,
    lines: readonly ChunkLine[],
  ) {
    this.#rows = lines.reduce((sum, { rows }) => sum + rows, 0);
    this.#ms = lines.reduce((sum, { ms }) => sum + ms, 0);
    this.#failures = new Map(lines.flatMap(({ failures }) => failures));
  }

  /**
   * Chunks whose rows are not all there any more, as in a file that was cut, are computed again.
   * @throws ConfigurationError where log or rows are there and cannot be read
   */
  static async open(path: string, rowBytes: number): Promise<RowCache> {
    await mkdir(dirname(path), { recursive: true });
    const log = (await readKeptText(`${path}.log`)) ?? '';
    const { size } = (await readKept(`${path}.rows`, stat)) ?? { size: 0 };
    const lines: ChunkLine[] = [];
    let rows = 0;
    let logBytes = 0;
    // What stands behind the last line end is of a chunk that was cut off.
    for (const text of log.split('\n').slice(0, -1)) {
      const line = JSON.parse(text) as ChunkLine;
      if ((rows + line.rows) * rowBytes > size) break;
      lines.push(line);
      rows += line.rows;
      logBytes += Buffer.byteLength(text) + 1;
    }
    if (log !== '') await truncate(`${path}.log`, logBytes);
    if (rows === 0) await rm(`${path}.rows`, { force: true });
    else await truncate(`${path}.rows`, rows * rowBytes);
    return new RowCache(path, rowBytes, lines);
  }

  /** Rows that are there, failed ones included. */
  get length(): number {
    return this.#rows;
  }

  /** What all of them took. */
  get ms(): number {
    return this.#ms;
  }

  /** Why rows have nothing, by their number; their bytes are 0. */
  get failures(): ReadonlyMap<number, string> {
    return this.#failures;
  }

  /** Computes what is missing of `total` rows, several at a time. */
  async fill(total: number, options: FillOptions): Promise<void> {
    const { rowOf, concurrency, onProgress, signal } = options;
    onProgress?.(Math.min(this.#rows, total), total);
    while (this.#rows < total) {
      signal?.throwIfAborted();
      const first = this.#rows;
      const count = Math.min(chunkRows, total - first);
      const bytes = new Uint8Array(count * this.rowBytes);
      const failures: [number, string][] = [];
      const startedMs = performance.now();
      let done = first;
      await eachOf(count, concurrency, async (at) => {
        signal?.throwIfAborted();
        const row = await rowOf(first + at);
        if (typeof row === 'string') failures.push([first + at, row]);
        else if (row.byteLength === this.rowBytes) bytes.set(bytesOf(row), at * this.rowBytes);
        else throw new RangeError(`A row has ${row.byteLength} bytes, expected ${this.rowBytes}`);
        onProgress?.(++done, total);
      });
      const line = { rows: count, ms: performance.now() - startedMs, failures: failures.sort(([a], [b]) => a - b) };
      await this.#append(bytes, line);
    }
  }

  /** Rows one behind the other. */
  async read(): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(this.#rows * this.rowBytes);
    const file = await open(`${this.path}.rows`, 'r');
    try {
      for (let at = 0; at < bytes.length;) {
        const { bytesRead } = await file.read(bytes, at, Math.min(readBytes, bytes.length - at), at);
        if (bytesRead === 0) throw new Error(`${this.path}.rows was cut off`);
        at += bytesRead;
      }
    } finally {
      await file.close();
    }
    return bytes;
  }

  async #append(bytes: Uint8Array, line: ChunkLine): Promise<void> {
    await appendTo(`${this.path}.rows`, bytes);
    // Behind the rows that it vouches for.
    await appendTo(`${this.path}.log`, Buffer.from(`${JSON.stringify(line)}\n`));
    this.#rows += line.rows;
    this.#ms += line.ms;
    for (const [row, reason] of line.failures) this.#failures.set(row, reason);
  }
}

export interface FillOptions {
  /** A row, or why there is none. */
  readonly rowOf: (row: number) => Promise<Uint8Array | Float32Array | string>;
  readonly concurrency: number;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a cut loses at most. */
const chunkRows = 128;
const readBytes = 64 * 2 ** 20;

async function appendTo(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'a');
  try {
    await file.appendFile(bytes);
    await file.datasync();
  } finally {
    await file.close();
  }
}

function bytesOf(row: Uint8Array | Float32Array): Uint8Array {
  return row instanceof Uint8Array ? row : new Uint8Array(row.buffer, row.byteOffset, row.byteLength);
}

/** Calls `work` for 0 to `count` − 1, at most `concurrency` at a time; after an error no further one. */
async function eachOf(count: number, concurrency: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (next < count && !failed) {
      try {
        await work(next++);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const endings = await Promise.allSettled(Array.from({ length: concurrency }, worker));
  const rejected = endings.find((ending) => ending.status === 'rejected');
  if (rejected !== undefined) throw rejected.reason;
}
