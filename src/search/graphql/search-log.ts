import { SemblanceError } from '../../base/errors.js';
import { Semaphore } from '../../base/concurrency/semaphore.js';
import {
  defaultCandidates,
  maxCandidatesPerOperation,
  maxConcurrentSearches,
  maxHitsPerOperation,
  maxRegionQueriesPerOperation,
  maxSearchesPerOperation,
} from '../../base/limits.js';
import type { SearchAnswer } from '../search-answer.js';
import type { SearchInput } from '../search-input.js';
import type { SearchMode } from '../../database/types.js';

/** `extensions.semblance` of a response that searched. Times in milliseconds. */
export interface SearchExtensions {
  readonly space: string;
  readonly mode: SearchMode;
  readonly embedMs: number;
  readonly databaseMs: number;
  readonly rerankMs: number;
}

/** What decides how much work a search is. */
export interface SearchCost extends Pick<SearchInput, 'k' | 'rerank' | 'candidates' | 'signal'> {
  /** Whether a stored original is decoded and embedded: an upload is bounded as a file. */
  readonly decodesStored?: boolean | undefined;
}

/**
 * The searches of one operation. Nested `similarImages` multiply: one short query could ask for a billion hits. So their
 * number and their hits are bounded, what they re-rank and decode too, and few run at once, that other clients get connections too.
 */
export class SearchLog {
  readonly #answers: SearchAnswer[] = [];
  readonly #running = new Semaphore(maxConcurrentSearches);
  #searches = 0;
  #hits = 0;
  #candidates = 0;
  #decodes = 0;

  /** @throws SemblanceError BAD_USER_INPUT beyond the bounds */
  async run(
    { k, rerank, candidates, decodesStored, signal }: SearchCost,
    search: () => Promise<SearchAnswer>,
  ): Promise<SearchAnswer> {
    this.#searches += 1;
    if (this.#searches > maxSearchesPerOperation) {
      throw askedForMore(maxSearchesPerOperation, 'searches');
    }
    this.#hits += k;
    if (this.#hits > maxHitsPerOperation) {
      throw askedForMore(maxHitsPerOperation, 'hits');
    }
    if (rerank !== undefined) this.#candidates += Math.max(k, candidates ?? defaultCandidates);
    if (this.#candidates > maxCandidatesPerOperation) {
      throw askedForMore(maxCandidatesPerOperation, 'candidates');
    }
    if (decodesStored === true) this.#decodes += 1;
    if (this.#decodes > maxRegionQueriesPerOperation) {
      throw askedForMore(maxRegionQueriesPerOperation, 'searches for a region');
    }
    const answer = await this.#running.run(() => {
      // It may have waited for others: whose answer nobody will get is not searched for.
      signal?.throwIfAborted();
      return search();
    });
    this.#answers.push(answer);
    return answer;
  }

  /** Undefined where nothing was searched. Several searches: their times added up, `exact` where any was. */
  extensions(): SearchExtensions | undefined {
    const last = this.#answers.at(-1);
    if (last === undefined) return undefined;
    const total = (timeMs: (answer: SearchAnswer) => number): number =>
      // To the microsecond: what lies below is noise of the clock.
      Math.round(this.#answers.reduce((sum, answer) => sum + timeMs(answer), 0) * 1000) / 1000;
    return {
      space: last.space,
      mode: this.#answers.some(({ mode }) => mode === 'exact') ? 'exact' : 'hnsw',
      embedMs: total(({ embedMs }) => embedMs),
      databaseMs: total(({ databaseMs }) => databaseMs),
      rerankMs: total(({ rerankMs }) => rerankMs),
    };
  }
}

function askedForMore(max: number, what: string): SemblanceError {
  return new SemblanceError('BAD_USER_INPUT', `The operation asks for more than ${max} ${what}`);
}
