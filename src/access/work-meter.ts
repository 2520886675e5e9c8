import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { RetryLaterError } from '../base/errors.js';
import type { Caller } from './caller.js';

export interface WorkBounds {
  /** Images decoded and embedded, or rendered; 0: no bound. */
  readonly embeddingsPerMinute: number;
  /** Of request bodies; 0: no bound. */
  readonly bytesPerMinute: number;
}

const windowSeconds = 60;

/**
 * Counts the work that each caller asks for, in windows of a minute that begin with its first request. Of this server
 * alone: n servers let a caller do n times as much.
 */
export class WorkMeter {
  readonly #images: RateLimiterMemory | undefined;
  readonly #bytes: RateLimiterMemory | undefined;
  /** Bytes of a connection that were counted. */
  readonly #counted = new WeakMap<Socket, number>();
  readonly #refusals = { images: 0, bytes: 0 };

  constructor({ embeddingsPerMinute, bytesPerMinute }: WorkBounds) {
    this.#images = limiter(embeddingsPerMinute);
    this.#bytes = limiter(bytesPerMinute);
  }

  /** Since the start, by what went beyond its bound. */
  get refusals(): Readonly<Record<'images' | 'bytes', number>> {
    return this.#refusals;
  }

  /**
   * Before any of them is worked on.
   * @throws RetryLaterError RATE_LIMITED
   */
  chargeImages(caller: Caller, count: number): Promise<void> {
    return this.#charge('images', this.#images, caller, count);
  }

  /**
   * Before the body of what needs one at least is read: whoever has none left is told so at the price of a header.
   * @throws RetryLaterError RATE_LIMITED
   */
  async assertImagesLeft(caller: Caller): Promise<void> {
    const used = await this.#images?.get(caller.id);
    if (this.#images === undefined || used === undefined || used === null) return;
    if (used.consumedPoints < this.#images.points) return;
    throw this.#refusal('images', this.#images.points, used.msBeforeNext);
  }

  /**
   * Before the body is read. One without a length is charged once it has arrived: it may go beyond the bound once.
   * @throws RetryLaterError RATE_LIMITED
   */
  async chargeBody(caller: Caller, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.#bytes === undefined) return;
    const length = request.headers['content-length'];
    const { socket } = request;
    // What has come of the body may have come with its headers: so a connection is counted from where the last count ended.
    const countedBytes = this.#counted.get(socket) ?? 0;
    response.once('close', () => {
      this.#counted.set(socket, socket.bytesRead);
      if (length === undefined) void this.#bytes?.penalty(caller.id, Math.max(0, socket.bytesRead - countedBytes));
    });
    await this.#charge('bytes', this.#bytes, caller, length === undefined ? 1 : Number(length));
  }

  async #charge(
    work: keyof WorkMeter['refusals'],
    bound: RateLimiterMemory | undefined,
    caller: Caller,
    amount: number,
  ): Promise<void> {
    if (bound === undefined || amount <= 0) return;
    try {
      await bound.consume(caller.id, amount);
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error;
      throw this.#refusal(work, bound.points, error.msBeforeNext);
    }
  }

  #refusal(work: keyof WorkMeter['refusals'], perMinute: number, msBeforeNext: number): RetryLaterError {
    this.#refusals[work]++;
    return new RetryLaterError(
      'RATE_LIMITED',
      `You may have ${perMinute} ${described[work]}`,
      Math.max(1, Math.ceil(msBeforeNext / 1000)),
    );
  }
}

const described = {
  images: 'images embedded or rendered in a minute, and each `__schema` and `__type` counts as one of them',
  bytes: 'bytes sent in a minute',
} as const;

function limiter(perMinute: number): RateLimiterMemory | undefined {
  return perMinute === 0 ? undefined : new RateLimiterMemory({ points: perMinute, duration: windowSeconds });
}
