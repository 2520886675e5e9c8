import { invalidArgument } from '../../errors.js';
import { Semaphore } from '../../image/semaphore.js';
import {
  defaultCandidates,
  maxCandidatesPerOperation,
  maxConcurrentSearches,
  maxHitsPerOperation,
  maxRegionQueriesPerOperation,
  maxSearchesPerOperation,
} from '../../limits.js';
import type { SearchAnswer } from '../../operations/search-answer.js';
import type { SearchInput } from '../../operations/search-input.js';
import type { SearchMode } from '../../store/types.js';

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
      throw invalidArgument('similarImages', `at most ${maxSearchesPerOperation} searches in one operation`, 'more');
    }
    this.#hits += k;
    if (this.#hits > maxHitsPerOperation) {
      throw invalidArgument('k', `at most ${maxHitsPerOperation} hits in one operation`, 'more');
    }
    if (rerank !== undefined) this.#candidates += Math.max(k, candidates ?? defaultCandidates);
    if (this.#candidates > maxCandidatesPerOperation) {
      throw invalidArgument('candidates', `at most ${maxCandidatesPerOperation} candidates in one operation`, 'more');
    }
    if (decodesStored === true) this.#decodes += 1;
    if (this.#decodes > maxRegionQueriesPerOperation) {
      throw invalidArgument('region', `at most ${maxRegionQueriesPerOperation} regions in one operation`, 'more');
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
