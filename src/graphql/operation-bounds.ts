import { maxAliasesRule } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthRule } from '@escape.tech/graphql-armor-max-depth';
import { maxDirectivesRule } from '@escape.tech/graphql-armor-max-directives';
import {
  GraphQLError,
  type DocumentNode,
  type GraphQLSchema,
  type ValidationContext,
  type ValidationRule,
} from 'graphql';
import type { ComplexityEstimatorArgs } from 'graphql-query-complexity';
// The package's ES modules load a second copy of graphql, which takes none of the first one's types.
import { getComplexity } from 'graphql-query-complexity/cjs';
import { invalidArgument } from '../errors.js';
import {
  countCost,
  defaultCandidates,
  maxAliases,
  maxCandidates,
  maxCandidatesPerOperation,
  maxDirectives,
  maxFilesPerRequest,
  maxHitsPerOperation,
  maxK,
  maxOperationCost,
  maxPageSize,
  maxQueryDepth,
  maxRegionQueriesPerOperation,
  maxSearchedUploads,
  maxSearchesPerOperation,
  regionCost,
  searchCost,
} from '../limits.js';
import type { Caller } from '../operations/access/caller.js';
import type { WorkMeter } from '../operations/access/work-meter.js';

const report = {
  // The rule would throw otherwise, past Apollo, which then takes it for a defect.
  propagateOnRejection: false,
  onReject: [
    (context: ValidationContext | null, error: GraphQLError): void => {
      context?.reportError(new GraphQLError(error.message.replace(/^Syntax Error: /, '')));
    },
  ],
};

/** Bounds on the shape of a document, checked with its validity. */
export const shapeRules: readonly ValidationRule[] = [
  maxDepthRule({ n: maxQueryDepth, ignoreIntrospection: false, flattenFragments: true, ...report }),
  maxAliasesRule({ n: maxAliases, allowList: [], ...report }),
  maxDirectivesRule({ n: maxDirectives, ...report }),
].map((rule) => rule as unknown as ValidationRule);

type Field = Pick<ComplexityEstimatorArgs, 'field' | 'args'>;

/** What is counted of an operation, were all the images there that it asks for: of one field, without those within. */
const measures = {
  cost: ({ field, args }: Field): number => {
    switch (field.name) {
      case 'searchByUpload':
      case 'similarImages':
        return searchCost + hitsOf(args) + candidatesOf(args) + regionsOf(args) * regionCost;
      case 'images':
      case 'jobs':
        return pageOf(args);
      case 'totalCount':
        return countCost;
      default:
        // A field of a row that was read already costs nothing.
        return field.args.length > 0 || rowFields.has(field.name) ? 1 : 0;
    }
  },
  searches: ({ field }: Field): number => (isSearch(field) ? 1 : 0),
  hits: ({ field, args }: Field): number => (isSearch(field) ? hitsOf(args) : 0),
  candidates: ({ field, args }: Field): number => (isSearch(field) ? candidatesOf(args) : 0),
  regions: ({ field, args }: Field): number => (field.name === 'similarImages' ? regionsOf(args) : 0),
  searchedUploads: ({ field }: Field): number => (field.name === 'searchByUpload' ? 1 : 0),
  /** Images that are decoded and embedded. */
  embeddings: ({ field, args }: Field): number => {
    if (field.name === 'searchByUpload' || field.name === 'uploadImage') return 1;
    if (field.name === 'uploadImages') return filesOf(args);
    return field.name === 'similarImages' ? regionsOf(args) : 0;
  },
} satisfies Readonly<Record<string, (field: Field) => number>>;

export type Measure = keyof typeof measures;

const bounds: readonly {
  readonly measure: Measure;
  readonly max: number;
  readonly argument: string;
  readonly what: string;
}[] = [
  {
    measure: 'searchedUploads',
    max: maxSearchedUploads,
    argument: 'searchByUpload',
    what: 'upload to search for in one operation',
  },
  { measure: 'searches', max: maxSearchesPerOperation, argument: 'similarImages', what: 'searches in one operation' },
  { measure: 'hits', max: maxHitsPerOperation, argument: 'k', what: 'hits in one operation' },
  {
    measure: 'candidates',
    max: maxCandidatesPerOperation,
    argument: 'candidates',
    what: 'candidates in one operation',
  },
  { measure: 'regions', max: maxRegionQueriesPerOperation, argument: 'region', what: 'regions in one operation' },
  { measure: 'cost', max: maxOperationCost, argument: 'the operation', what: 'rows, nested searches multiplied' },
];

export interface MeasuredOperation {
  readonly schema: GraphQLSchema;
  readonly query: DocumentNode;
  /** As the client sent them. */
  readonly variables: Readonly<Record<string, unknown>>;
  readonly operationName: string | undefined;
}

/** @throws GraphQLError where a variable or an argument is not of its type, or fragments unfold to too many fields */
export function measureOperation({ operationName, ...operation }: MeasuredOperation, measure: Measure): number {
  const own: (field: Field) => number = measures[measure];
  return getComplexity({
    ...operation,
    ...(operationName === undefined ? {} : { operationName }),
    estimators: [
      ({ field, args, childComplexity }) => own({ field, args }) + timesOf({ field, args }) * childComplexity,
    ],
  });
}

/** Fields without arguments behind which rows are read. */
const rowFields: ReadonlySet<string> = new Set(['image', 'methods', 'node', 'spaces', 'status']);

/** How often what stands within a field is asked for. */
function timesOf({ field, args }: Field): number {
  if (isSearch(field)) return hitsOf(args);
  if (field.name === 'images' || field.name === 'jobs') return pageOf(args);
  return field.name === 'uploadImages' ? filesOf(args) : 1;
}

function isSearch({ name }: Field['field']): boolean {
  return name === 'similarImages' || name === 'searchByUpload';
}

function hitsOf({ k }: Readonly<Record<string, unknown>>): number {
  return clamp(k, maxK);
}

function pageOf({ first }: Readonly<Record<string, unknown>>): number {
  return clamp(first, maxPageSize);
}

function candidatesOf(args: Readonly<Record<string, unknown>>): number {
  if (args['rerank'] === undefined || args['rerank'] === null) return 0;
  return Math.max(hitsOf(args), clamp(args['candidates'] ?? defaultCandidates, maxCandidates));
}

function regionsOf({ region }: Readonly<Record<string, unknown>>): number {
  return region === undefined || region === null ? 0 : 1;
}

function filesOf({ files }: Readonly<Record<string, unknown>>): number {
  return Array.isArray(files) ? files.length : maxFilesPerRequest;
}

/** What is out of its bounds is refused by the field itself, before it works. */
function clamp(value: unknown, max: number): number {
  return typeof value === 'number' ? Math.min(max, Math.max(1, value)) : max;
}

/**
 * Refuses an operation that asks for too much, and charges its caller for any other, before anything of it is executed.
 * @throws SemblanceError BAD_USER_INPUT, RATE_LIMITED; GraphQLError where a variable or an argument is not of its type
 */
export async function chargeOperation(
  operation: MeasuredOperation,
  caller: Caller,
  meter: Pick<WorkMeter, 'chargeImages'>,
): Promise<void> {
  for (const { measure, max, argument, what } of bounds) {
    const found = count(operation, measure);
    if (found > max) throw invalidArgument(argument, `at most ${max} ${what}`, found);
  }
  await meter.chargeImages(caller, count(operation, 'embeddings'));
}

/** What is not of its type is the client's error here as it would be in execution. */
function count(operation: MeasuredOperation, measure: Measure): number {
  try {
    return measureOperation(operation, measure);
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    throw new GraphQLError(error.message, {
      originalError: error,
      extensions: { code: 'BAD_USER_INPUT', http: { status: 400 } },
    });
  }
}
