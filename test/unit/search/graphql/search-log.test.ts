import { describe, expect, it } from 'vitest';
import { SearchLog, type SearchCost } from '../../../../src/search/graphql/search-log.js';
import {
  defaultCandidates,
  maxCandidatesPerOperation,
  maxHitsPerOperation,
  maxRegionQueriesPerOperation,
} from '../../../../src/base/limits.js';
import type { SearchAnswer } from '../../../../src/search/search-answer.js';

const answer: SearchAnswer = { space: 'test', mode: 'hnsw', databaseMs: 1, embedMs: 0, rerankMs: 2, hits: [] };

/** How many searches of that cost one operation may have. */
async function allowed(cost: SearchCost): Promise<number> {
  const log = new SearchLog();
  for (let count = 0; ; count++) {
    try {
      await log.run(cost, () => Promise.resolve(answer));
    } catch (error) {
      expect(error).toMatchObject({ code: 'BAD_USER_INPUT' });
      return count;
    }
  }
}

describe('the searches of one operation', () => {
  it('are bounded by their hits', async () => {
    expect(await allowed({ k: 1000 })).toBe(maxHitsPerOperation / 1000);
  });

  it('are bounded by their candidates, where these are re-ranked', async () => {
    expect(await allowed({ k: 1, rerank: 'SSIM', candidates: 1000 })).toBe(maxCandidatesPerOperation / 1000);
    expect(await allowed({ k: 1, rerank: 'SSIM' })).toBe(maxCandidatesPerOperation / defaultCandidates);
    expect(await allowed({ k: 500, rerank: 'SSIM' })).toBe(maxCandidatesPerOperation / 500);
    expect(await allowed({ k: 1000, candidates: 1000 })).toBe(maxHitsPerOperation / 1000);
  });

  it('are bounded by the stored images that they decode', async () => {
    expect(await allowed({ k: 1, decodesStored: true })).toBe(maxRegionQueriesPerOperation);
  });

  it('tell their times added up', async () => {
    const log = new SearchLog();
    expect(log.extensions()).toBeUndefined();
    for (const mode of ['exact', 'hnsw'] as const) await log.run({ k: 1 }, () => Promise.resolve({ ...answer, mode }));
    expect(log.extensions()).toEqual({ space: 'test', mode: 'exact', embedMs: 0, databaseMs: 2, rerankMs: 4 });
  });
});
