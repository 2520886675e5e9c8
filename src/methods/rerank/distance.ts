import { dot, squaredEuclidean } from '../../math/vector.js';
import type { Reranker } from './reranker.js';
import { scoreEach } from './turns.js';

/** Minus the distance of the embeddings as their space gave them; 0 for equal ones. */
export const euclidean: Reranker = {
  name: 'EUCLIDEAN',
  score: ({ embedding }, candidates) =>
    scoreEach(candidates, (candidate) => 0 - Math.sqrt(squaredEuclidean(embedding, candidate.embedding))),
};

/** Of the embeddings as their space gave them: a longer one gets more than its direction deserves. */
export const innerProduct: Reranker = {
  name: 'INNER_PRODUCT',
  score: ({ embedding }, candidates) => scoreEach(candidates, (candidate) => dot(embedding, candidate.embedding)),
};
