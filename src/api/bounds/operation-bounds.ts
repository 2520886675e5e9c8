import { maxAliasesRule } from '@escape.tech/graphql-armor-max-aliases';
import { maxDepthRule } from '@escape.tech/graphql-armor-max-depth';
import { maxDirectivesRule } from '@escape.tech/graphql-armor-max-directives';
import { GraphQLError, type ValidationContext, type ValidationRule } from 'graphql';
import { tooMuch } from '../../base/errors.js';
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
} from '../../base/limits.js';
import type { Caller } from '../../access/caller.js';
import type { WorkMeter } from '../../access/work-meter.js';
import { lessAnswer } from '../answer/answer-bytes.js';
import { fieldBytes, listLengthOf } from './answer-size.js';
import { measureOperation, type MeasuredField, type MeasuredOperation } from './measure-operation.js';

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

type Field = Omit<MeasuredField, 'childComplexity'>;

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
    // Telling the schema takes as long as embedding an image.
    if (field.name === '__schema' || field.name === '__type') return 1;
    if (field.name === 'uploadImages') return filesOf(args);
    return field.name === 'similarImages' ? regionsOf(args) : 0;
  },
  /** Of the answer, each field by the most that it may hold. */
  answerBytes: fieldBytes,
} satisfies Readonly<Record<string, (field: Field) => number>>;

type Measure = keyof typeof measures;

interface Bound {
  readonly measure: Measure;
  readonly max: number;
  readonly what: string;
  readonly advice?: string;
}

const searchBounds: readonly Bound[] = [
  { measure: 'searches', max: maxSearchesPerOperation, what: 'searches' },
  { measure: 'hits', max: maxHitsPerOperation, what: 'hits' },
  { measure: 'candidates', max: maxCandidatesPerOperation, what: 'candidates' },
  { measure: 'regions', max: maxRegionQueriesPerOperation, what: 'searches for a region' },
];

/** An operation that costs no more is within `searchBounds`, for what they count is part of its cost: most are measured no further. */
const searchingCost = Math.min(
  maxSearchesPerOperation * searchCost,
  maxHitsPerOperation,
  maxCandidatesPerOperation,
  maxRegionQueriesPerOperation * regionCost,
);

/** Fields without arguments behind which rows are read. */
const rowFields: ReadonlySet<string> = new Set(['image', 'methods', 'node', 'spaces', 'status']);

/** How often what stands within a field is asked for. */
function timesOf({ type, field, args }: Field): number {
  if (isSearch(field)) return hitsOf(args);
  if (field.name === 'images' || field.name === 'jobs') return pageOf(args);
  return field.name === 'uploadImages' ? filesOf(args) : listLengthOf({ type, field });
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

export interface ChargedTo {
  readonly caller: Caller;
  readonly meter: Pick<WorkMeter, 'chargeImages'>;
  readonly maxAnswerBytes: number;
}

/**
 * Refuses an operation that asks for too much, and charges its caller for any other, before anything of it is executed.
 * @throws SemblanceError BAD_USER_INPUT, RATE_LIMITED; GraphQLError where a variable or an argument is not of its type
 */
export async function chargeOperation(
  operation: MeasuredOperation,
  { caller, meter, maxAnswerBytes }: ChargedTo,
): Promise<void> {
  const cost = count(operation, 'cost');
  const bounds: readonly Bound[] = [
    { measure: 'searchedUploads', max: maxSearchedUploads, what: 'searches by upload' },
    ...(cost > searchingCost ? searchBounds : []),
    {
      measure: 'answerBytes',
      max: maxAnswerBytes,
      what: 'bytes of answer, each field counted as large as it may be',
      advice: lessAnswer,
    },
  ];
  for (const { measure, max, what, advice } of bounds) {
    const found = count(operation, measure);
    if (found > max) throw tooMuch(`The operation asks for up to ${found} ${what}`, max, advice);
  }
  if (cost > maxOperationCost) {
    throw tooMuch(`The operation asks for up to ${cost} rows, nested searches multiplied`, maxOperationCost);
  }
  await meter.chargeImages(caller, count(operation, 'embeddings'));
}

function count(operation: MeasuredOperation, measure: Measure): number {
  const own: (field: Field) => number = measures[measure];
  return measureOperation(operation, (field) => own(field) + timesOf(field) * field.childComplexity);
}
