import { spawn, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { constants, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { SemblanceError } from '../../base/errors.js';
import { maxDecodeWaitMs } from '../../base/limits.js';
import { workerUrl } from '../../base/paths.js';
import type { DecodeRequest } from './decode-pixels.js';
import type { DecodedImage } from './decoded-image.js';
import { decodeAnswer, type DecodeAnswer, type DecodeOrder } from './decoder-messages.js';
import { FrameReader, writeFrame } from './frames.js';

/** The process ended before it had the whole file, so for another reason than the file. */
class NotBegunError extends Error {}

/** Processes that decode, started as they are needed. Whoever asks sees to it that few ask at once. */
export class DecoderProcesses {
  readonly #all = new Set<DecoderProcess>();
  readonly #idle: DecoderProcess[] = [];

  /** Those that live, and whether they have a file in work. */
  get states(): readonly { readonly pid: number | undefined; readonly isDecoding: boolean }[] {
    return [...this.#all].map(({ pid, isDecoding }) => ({ pid, isDecoding }));
  }

  /**
   * A process that dies over a file fails that file alone, which is not tried again: it would take the next one along.
   * @throws SemblanceError as decodePixels; INVALID_IMAGE also where the process ended over it; OVERLOADED where none starts
   */
  async decode(request: DecodeRequest): Promise<DecodedImage> {
    // Only what was started for this file counts: any number of idle processes may have ended a moment ago.
    for (let started = 0; ;) {
      const idle = this.#takeIdle();
      if (idle === undefined) started++;
      const decoder = idle ?? this.#start();
      try {
        const image = await decoder.decode(request);
        return image;
      } catch (error) {
        if (!(error instanceof NotBegunError)) throw error;
        if (started === 2) {
          throw new SemblanceError('OVERLOADED', 'No process to decode images could be started', { cause: error });
        }
      } finally {
        if (decoder.isUsable) this.#idle.push(decoder);
      }
    }
  }

  /** Ends all of them, with what they have in work. */
  async close(): Promise<void> {
    await Promise.all([...this.#all].map((decoder) => decoder.close()));
  }

  #takeIdle(): DecoderProcess | undefined {
    let decoder = this.#idle.pop();
    while (decoder?.isUsable === false) decoder = this.#idle.pop();
    return decoder;
  }

  #start(): DecoderProcess {
    const decoder = new DecoderProcess(() => {
      this.#all.delete(decoder);
    });
    this.#all.add(decoder);
    return decoder;
  }
}

interface Work {
  readonly request: DecodeRequest;
  readonly timeout: NodeJS.Timeout;
  begun: boolean;
  /** See DecodedImage: it comes before the pixels. */
  contrasted: Uint8Array | undefined;
  resolve(image: DecodedImage): void;
  reject(error: Error): void;
}

class DecoderProcess {
  readonly #child: ChildProcess;
  readonly #stdin: Socket;
  readonly #stdout: Socket;
  readonly #closed: Promise<void>;
  #isUsable = true;
  #work: Work | undefined;

  constructor(onEnd: () => void) {
    this.#child = spawn(process.execPath, [fileURLToPath(workerUrl('pixels/decode/decoder-process'))], {
      // None of the server's secrets.
      env: {},
      // A process group of its own: Ctrl-C would end it while it loads.
      detached: true,
      // What libvips has to say before it aborts belongs into the operator's log.
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    giveWay(this.#child.pid);
    this.#stdin = this.#child.stdin as Socket;
    this.#stdout = this.#child.stdout as Socket;
    const reader = new FrameReader<DecodeAnswer>({
      parseHeader: (value) => this.#checkAnswer(decodeAnswer.parse(value)),
      onFrame: (answer, bytes) => {
        this.#settle(answer, bytes);
      },
    });
    this.#stdout.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch {
        this.#kill();
      }
    });
    // A process that is gone takes no more; its end says the rest.
    this.#stdin.on('error', () => undefined);
    this.#closed = new Promise((resolve) => {
      const end = (how: string): void => {
        this.#isUsable = false;
        onEnd();
        this.#fail(how);
        resolve();
      };
      this.#child.once('error', (error) => {
        end(error.message);
      });
      this.#child.once('close', (code, signal) => {
        end(signal ?? `exit code ${code}`);
      });
    });
    this.#holdServer(false);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** False from when its end is certain: it may still run for a moment. */
  get isUsable(): boolean {
    return this.#isUsable;
  }

  get isDecoding(): boolean {
    return this.#work?.begun === true;
  }

  /** One file at a time. */
  decode(request: DecodeRequest): Promise<DecodedImage> {
    const { bytes, mediaType, maxPixels } = request;
    return new Promise((resolve, reject) => {
      const timeout = setTimeout(() => {
        this.#kill();
      }, maxDecodeWaitMs);
      this.#work = { request, timeout, begun: false, contrasted: undefined, resolve, reject };
      this.#holdServer(true);
      const order: DecodeOrder = { mediaType, maxPixels, sizeBytes: bytes.byteLength };
      writeFrame(this.#stdin, order, bytes);
    });
  }

  async close(): Promise<void> {
    this.#kill();
    await this.#closed;
  }

  /** @throws Error where it is no answer to what was asked */
  #checkAnswer(answer: DecodeAnswer): DecodeAnswer {
    const { request, contrasted } = this.#work ?? {};
    if (request === undefined) throw new Error('An answer to nothing');
    if (answer.sizeBytes > 3 * request.maxPixels) throw new Error('More pixels than were allowed');
    if (answer.kind === 'decoded' && (contrasted?.byteLength ?? answer.sizeBytes) !== answer.sizeBytes) {
      throw new Error('Two pictures of different sizes');
    }
    return answer;
  }

  #settle(answer: DecodeAnswer, bytes: Buffer): void {
    const work = this.#work;
    if (work === undefined) return;
    if (answer.kind === 'began') {
      work.begun = true;
      return;
    }
    if (answer.kind === 'contrasted') {
      work.contrasted = bytes;
      return;
    }
    this.#finish(work);
    if (answer.isLast) this.#kill();
    const { mediaType } = work.request;
    if (answer.kind === 'decoded') {
      const { width, height } = answer;
      work.resolve({ mediaType, width, height, pixels: bytes, contrasted: work.contrasted });
    } else {
      work.reject(new SemblanceError(answer.code, answer.message, { cause: new Error(answer.cause) }));
    }
  }

  #fail(how: string): void {
    const work = this.#work;
    if (work === undefined) return;
    this.#finish(work);
    const cause = new Error(`The decoder process ended: ${how}`);
    work.reject(
      work.begun
        ? new SemblanceError('INVALID_IMAGE', `The ${work.request.mediaType} image cannot be decoded`, { cause })
        : new NotBegunError(cause.message, { cause }),
    );
  }

  #finish({ timeout }: Work): void {
    clearTimeout(timeout);
    this.#work = undefined;
    this.#holdServer(false);
  }

  #kill(): void {
    this.#isUsable = false;
    this.#child.kill('SIGKILL');
  }

  /** A process that waits for work keeps no program running that has nothing else to do. */
  #holdServer(holds: boolean): void {
    for (const handle of [this.#child, this.#stdin, this.#stdout]) {
      if (holds) handle.ref();
      else handle.unref();
    }
  }
}

/** While all processors decode, what accepts, refuses and answers requests must still get its turn. */
function giveWay(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Not everywhere allowed, as for a server that runs at a lower priority itself: then the system divides as it likes.
  }
}
