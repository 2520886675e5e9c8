import { registerEnumType } from 'type-graphql';
import { rerankerDescriptions } from '../rerank/descriptions.js';
import { rerankers, type RerankerName } from '../rerank/reranker.js';

/** As type-graphql takes an enum: an object of its names. */
export const Rerank = Object.fromEntries(rerankers.map((name) => [name, name])) as Readonly<{
  [Name in RerankerName]: Name;
}>;

registerEnumType(Rerank, {
  name: 'Rerank',
  description: 'Orders the nearest by cosine, its candidates, anew: the higher the score, the nearer.',
  valuesConfig: Object.fromEntries(rerankers.map((name) => [name, { description: rerankerDescriptions[name] }])),
});
