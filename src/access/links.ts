import { createHmac, timingSafeEqual } from 'node:crypto';
import { SemblanceError } from '../base/errors.js';
import { signedLinkSeconds, signedLinkStepSeconds } from '../base/limits.js';

/**
 * Paths that carry their own permission, for a browser's `<img>` sends no Authorization header: whoever has one may read
 * what it names until it expires. All servers on a database make and take the same.
 */
export class LinkSigner {
  readonly #ask: () => Promise<Buffer>;
  readonly #now: () => number;
  #secret: Promise<Buffer> | undefined;

  constructor(options: { readonly readSecret: () => Promise<Buffer>; readonly now?: (() => number) | undefined }) {
    this.#ask = options.readSecret;
    this.#now = options.now ?? Date.now;
  }

  /** The path with `expires` (Unix seconds) and `signature`. The same within `signedLinkStepSeconds`, so that caches know it again. */
  async sign(path: string): Promise<string> {
    const nowSeconds = Math.floor(this.#now() / 1000);
    const expires = (Math.floor(nowSeconds / signedLinkStepSeconds) + 1) * signedLinkStepSeconds + signedLinkSeconds;
    return `${path}?expires=${expires}&signature=${await this.#signatureOf(path, String(expires))}`;
  }

  /** @throws SemblanceError UNAUTHENTICATED where the link was altered, or its time is over */
  async verify(path: string, expires: string, signature: string): Promise<void> {
    const expected = Buffer.from(await this.#signatureOf(path, expires));
    const given = Buffer.from(signature);
    const genuine = expected.byteLength === given.byteLength && timingSafeEqual(expected, given);
    if (genuine && Number(expires) * 1000 > this.#now()) return;
    throw new SemblanceError('UNAUTHENTICATED', 'This link is not valid any more: ask for the image again');
  }

  async #signatureOf(path: string, expires: string): Promise<string> {
    return createHmac('sha256', await this.#readSecret())
      .update(`${path}\n${expires}`)
      .digest('base64url');
  }

  #readSecret(): Promise<Buffer> {
    this.#secret ??= this.#ask().catch((error: unknown) => {
      // The database may be there again at the next attempt.
      this.#secret = undefined;
      throw error;
    });
    return this.#secret;
  }
}
