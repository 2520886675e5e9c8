import { z } from 'zod';
import { mlpFromJson, mlpToJson } from '../../math/learning/mlp.js';
import type { Scorer } from './reranker.js';

/** What `scorerFromJson` reads. */
export function scorerToJson({ kind, network, images, classes, trainedAt }: Scorer): unknown {
  return { version: 1, kind, images, classes, trainedAt, network: mlpToJson(network) };
}

const scorerJson = z.object({
  version: z.literal(1),
  kind: z.enum(['heuristic', 'labels']),
  images: z.int().positive(),
  classes: z.int().positive(),
  trainedAt: z.iso.datetime(),
  network: z.unknown(),
});

/**
 * @param dimensions of the space that the scorer shall serve
 * @throws RangeError for anything that `scorerToJson` does not make, and for a scorer of other dimensions
 */
export function scorerFromJson(json: unknown, dimensions: number): Scorer {
  const parsed = scorerJson.safeParse(json);
  if (!parsed.success) throw new RangeError(`Not a stored scorer: ${z.prettifyError(parsed.error)}`);
  const { kind, images, classes, trainedAt } = parsed.data;
  const network = mlpFromJson(parsed.data.network);
  if (network.sizes[0] !== dimensions) {
    throw new RangeError(`A scorer of ${network.sizes[0]} dimensions does not fit a space of ${dimensions}`);
  }
  if (network.output !== (kind === 'labels' ? 'logistic' : 'linear')) {
    throw new RangeError(`Not a stored scorer: ${kind} does not go with a ${network.output} output`);
  }
  return { kind, network, images, classes, trainedAt };
}
