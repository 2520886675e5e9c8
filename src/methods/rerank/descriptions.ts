import type { RerankerName } from './reranker.js';

/** One sentence each, the same wherever re-rankers are listed. */
export const rerankerDescriptions: Readonly<Record<RerankerName, string>> = {
  EUCLIDEAN: 'Minus the Euclidean distance of the two embeddings as the space gives them.',
  INNER_PRODUCT: 'The inner product of the two embeddings as the space gives them.',
  SSIM: 'Structural similarity (Wang et al. 2004) of the two embeddings as one-dimensional signals, -1 to 1.',
  SSIM_OVER_EUCLIDEAN: 'SSIM divided by the squared Euclidean distance of the two embeddings; infinite at distance 0.',
  PIXEL_EUCLIDEAN: 'Minus the Euclidean distance of the two images as 64 × 64 greys from 0 to 1.',
  PIXEL_SSIM: 'Structural similarity (Wang et al. 2004, 11 × 11 Gaussian window) of the two images as 64 × 64 greys.',
  PIXEL_SSIM_OVER_EUCLIDEAN:
    'PIXEL_SSIM divided by the squared Euclidean distance of the greys from 0 to 1; infinite at distance 0.',
  LEARNED_HEURISTIC:
    'What a small network, trained on SSIM and distance of image pairs, predicts. Needs `semblance train-scorer --kind heuristic`.',
  LEARNED_LABELS:
    "What a small network, trained on the gallery's labels, predicts of two images being of one class. Needs `semblance train-scorer --kind labels`.",
  QUERY_EXPANSION:
    'Cosine to the query and its first 10 candidates together (alpha query expansion, Radenović et al. 2018, alpha 3).',
};
