import { makeJpeg } from './make-image.js';
import { codeOf, type TestClient } from './client.js';
import { waitFor } from './server.js';

/** Uploads and searches without pause, while something goes wrong. */
export class FaultTraffic {
  /** Ids of images whose upload was answered with success. */
  readonly acknowledged = new Set<string>();
  /** How often each code was answered. */
  readonly refused = new Map<unknown, number>();
  #searches = 0;
  #seed: number;
  #stopped = false;
  readonly #workers: Promise<unknown>;

  constructor(
    readonly client: TestClient,
    options: { readonly firstSeed?: number } = {},
  ) {
    this.#seed = options.firstSeed ?? 0;
    const repeat = async (work: () => Promise<void>): Promise<void> => {
      while (!this.#stopped) await work();
    };
    const upload = (): Promise<void> => this.#upload();
    this.#workers = Promise.all([repeat(upload), repeat(upload), repeat(upload), repeat(() => this.#search())]);
    // Whoever stops it hears of it.
    this.#workers.catch(() => undefined);
  }

  get refusals(): number {
    return [...this.refused.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Waits until so many more uploads and searches have succeeded. */
  async goesOn(count = 5): Promise<void> {
    const [uploads, searches] = [this.acknowledged.size, this.#searches];
    await waitFor('uploads and searches that succeed', () =>
      Promise.resolve(this.acknowledged.size >= uploads + count && this.#searches > searches),
    );
  }

  /** Waits until so many more have been refused. */
  async isRefused(count = 3): Promise<void> {
    const before = this.refusals;
    await waitFor('refusals', () => Promise.resolve(this.refusals >= before + count));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#workers;
  }

  async #upload(): Promise<void> {
    const answer = await this.client.uploadAnswer(await makeJpeg(this.#seed++));
    if (answer.errors === undefined) this.acknowledged.add(answer.data?.uploadImage.image.id ?? '');
    else this.#count(codeOf(answer));
  }

  async #search(): Promise<void> {
    const answer = await this.client.searchAnswer(await makeJpeg(0), { k: 3 });
    if (answer.errors === undefined) this.#searches++;
    else this.#count(codeOf(answer));
  }

  #count(code: unknown): void {
    this.refused.set(code, (this.refused.get(code) ?? 0) + 1);
  }
}

/** For SQL: how many images lack their bytes, or their embedding in a live space. */
export const halfImagesSql = (schema: string): string => `
  SELECT count(*)::integer AS half FROM ${schema}.image i CROSS JOIN ${schema}.embedding_space s
  WHERE s.state <> 'retired' AND NOT (
    EXISTS (SELECT FROM ${schema}.image_content c WHERE c.image_id = i.id)
    AND EXISTS (SELECT FROM ${schema}.embedding e WHERE e.image_id = i.id AND e.space_id = s.id))`;
