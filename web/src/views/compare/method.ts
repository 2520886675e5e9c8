import type { CompareMethodsQuery, Rerank, ScorerKind } from '../../generated/graphql.js';

export type Methods = CompareMethodsQuery['methods'];
export type Space = Methods['spaces'][number];
export type Reranker = Methods['rerankers'][number];

/** One way to search: a space, and what orders its hits anew; null where their similarity does. */
export interface Method {
  readonly space: string;
  readonly rerank: Rerank | null;
}

export const minMethods = 2;
export const maxMethods = 3;

const rerankNames: Readonly<Record<Rerank, string>> = {
  EUCLIDEAN: 'Euclidean distance',
  INNER_PRODUCT: 'Inner product',
  SSIM: 'SSIM of embeddings',
  SSIM_OVER_EUCLIDEAN: 'SSIM ÷ distance of embeddings',
  PIXEL_EUCLIDEAN: 'Distance of pixels',
  PIXEL_SSIM: 'SSIM of pixels',
  PIXEL_SSIM_OVER_EUCLIDEAN: 'SSIM ÷ distance of pixels',
  LEARNED_HEURISTIC: 'Learned from SSIM and distance',
  LEARNED_LABELS: 'Learned from labels',
  QUERY_EXPANSION: 'Query expansion',
};

const scorerOptions: Readonly<Record<ScorerKind, string>> = { HEURISTIC: 'heuristic', LABELS: 'labels' };

/** A newer server may have one that this page does not know. */
export function rerankName(name: string): string {
  return (rerankNames as Readonly<Record<string, string>>)[name] ?? name;
}

/** As it stands in an address. */
export function methodKey({ space, rerank }: Method): string {
  return rerank === null ? space : `${space}:${rerank}`;
}

/** Those of an address, completed from what the server offers: its active space, then other spaces and re-rankers. */
export function readMethods(keys: readonly string[], methods: Methods): readonly Method[] {
  const named = keys.slice(0, maxMethods).map((key) => parseMethod(key, methods));
  const active = methods.spaces[0]?.name ?? '';
  const offered: readonly Method[] = [
    { space: active, rerank: null },
    ...methods.spaces.filter(({ state }) => state === 'READY').map(({ name }) => ({ space: name, rerank: null })),
    { space: active, rerank: 'PIXEL_SSIM' },
    { space: active, rerank: 'QUERY_EXPANSION' },
  ];
  return complete(named, offered, minMethods);
}

/** One more, other than those that are there. */
export function addMethod(present: readonly Method[], methods: Methods): readonly Method[] {
  const offered = methods.spaces.flatMap(({ name, state }) =>
    state === 'ACTIVE' || state === 'READY'
      ? [null, ...methods.rerankers.map((reranker) => reranker.name)].map((rerank) => ({ space: name, rerank }))
      : [],
  );
  const usable = offered.filter((method) => problemOf(method, methods) === undefined);
  return complete(present, usable, present.length + 1);
}

function complete(present: readonly Method[], offered: readonly Method[], count: number): readonly Method[] {
  const known = new Set(present.map(methodKey));
  const others = offered.filter((method) => !known.has(methodKey(method)));
  return [...present, ...others.slice(0, Math.max(0, count - present.length))];
}

function parseMethod(key: string, { rerankers }: Methods): Method {
  const [space = '', rerank] = key.split(':');
  return { space, rerank: rerankers.find(({ name }) => name === rerank)?.name ?? null };
}

/** Why a method cannot be searched with, and what to do; undefined where it can. */
export function problemOf({ space, rerank }: Method, methods: Methods): string | undefined {
  const found = methods.spaces.find(({ name }) => name === space);
  if (found === undefined) return `There is no space “${space}” any more. Choose another one.`;
  return (
    spaceProblem(found) ??
    rerankProblem(
      methods.rerankers.find(({ name }) => name === rerank),
      found,
    )
  );
}

export function spaceProblem({ state }: Space): string | undefined {
  if (state === 'BUILDING') return 'The space is being built. Wait until every picture is in it.';
  if (state === 'RETIRED') return 'The space is retired and no longer searched.';
  return undefined;
}

export function rerankProblem(reranker: Reranker | undefined, space: Space): string | undefined {
  const scorer = reranker?.needs.scorer ?? undefined;
  if (scorer === undefined || space.scorers.includes(scorer)) return undefined;
  const command = `semblance train-scorer --kind ${scorerOptions[scorer]} --space ${space.name}`;
  return `No similarity of this kind is trained for the space “${space.name}”: run ${command}.`;
}
