import { MlpPredictor } from '../../math/learning/mlp.js';
import type { Reranker, RerankerName, Scorer } from './reranker.js';
import { squaredDifference, unitOf } from './pair-input.js';
import { scoreEach } from './turns.js';

/** What a trained network predicts for the squared difference of the two embeddings, each at length 1. */
export function learned(name: RerankerName, { network }: Scorer): Reranker {
  const predictor = new MlpPredictor(network);
  const input = new Float32Array(network.sizes[0]!);
  return {
    name,
    async score(query, candidates) {
      const unit = unitOf(query.embedding);
      return scoreEach(candidates, (candidate) => {
        squaredDifference(unit, unitOf(candidate.embedding), input);
        return predictor.predict(input);
      });
    },
  };
}
