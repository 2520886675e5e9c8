import { InvalidArgumentError } from 'commander';
import type { Region } from '../pixels/region.js';
import { maxCandidates } from '../base/limits.js';
import { rerankers, type RerankerName } from '../methods/rerank/reranker.js';
import { formatReranker } from '../methods/notation.js';
import { parseInteger } from './run.js';

/** The re-rankers as commands and methods' notation name them. */
export const rerankerChoices: readonly string[] = rerankers.map(formatReranker);

/** Takes GraphQL's names too. */
export function parseReranker(text: string): RerankerName {
  const name = text.toLowerCase().replaceAll('_', '-');
  const found = rerankers.find((reranker) => formatReranker(reranker) === name);
  if (found === undefined) throw new InvalidArgumentError(`Expected one of ${rerankerChoices.join(', ')}.`);
  return found;
}

/** Of everything that is drawn. */
export function parseSeed(text: string): number {
  return parseInteger(text, 0, 2 ** 32 - 1);
}

export function parseCandidates(text: string): number {
  return parseInteger(text, 1, maxCandidates);
}

/** Four numbers; whether they are a part of an image is the operations' to say. */
export function parseRegion(text: string): Region {
  const shares = text.split(',').map((share) => (share.trim() === '' ? NaN : Number(share)));
  const [x, y, width, height] = shares;
  const four = shares.length === 4 && shares.every((share) => Number.isFinite(share));
  if (!four || x === undefined || y === undefined || width === undefined || height === undefined) {
    throw new InvalidArgumentError('Expected x,y,width,height in shares from 0 to 1, such as 0.25,0,0.5,1.');
  }
  return { x, y, width, height };
}
