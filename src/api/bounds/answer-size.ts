import { GraphQLEnumType, getNamedType, getNullableType, isLeafType, isListType, type GraphQLNamedType } from 'graphql';
import type { ComplexityEstimatorArgs } from 'graphql-query-complexity';
import {
  answerFieldBytes,
  maxComparedHits,
  maxComparedLabelBytes,
  maxComparedQueries,
  maxFilenameBytes,
  maxListedFailures,
  maxMetadataBytes,
  maxSpaceNameCharacters,
} from '../../base/limits.js';
import { rerankers } from '../../methods/rerank/reranker.js';

type Field = Pick<ComplexityEstimatorArgs, 'type' | 'field' | 'node'>;

const quotes = 2;

/** JSON writes a quotation mark as two bytes; control characters, which take six, are in no filename. */
const filename = quotes + 2 * maxFilenameBytes;
/** A label may hold control characters. */
const comparedLabel = quotes + 6 * maxComparedLabelBytes;
const spaceName = quotes + maxSpaceNameCharacters;
/** A path with an id, a time and a signature. */
const signedPath = 200;

/** Most bytes of JSON that the fields of rows take. */
const fieldSizes: Readonly<Record<string, number>> = {
  'ComparedHit.filename': filename,
  'ComparedHit.label': comparedLabel,
  'ComparedSpace.name': spaceName,
  'DifferingQuery.filename': filename,
  'DifferingQuery.label': comparedLabel,
  'EmbeddingSpace.name': spaceName,
  'Image.filename': filename,
  'Image.mediaType': 20,
  'Image.renditionUrl': signedPath,
  'Image.sha256': 66,
  'Image.thumbnailUrl': signedPath,
  'Image.url': signedPath,
  'ImageEdge.cursor': 100,
  'Job.spaces': spaceName,
  'JobFailure.filename': filename,
  'JobResult.space': spaceName,
  'PageInfo.endCursor': 100,
  'PageInfo.startCursor': 100,
  'SimilarImage.space': spaceName,
  'UploadImageResult.filename': filename,
};

const typeSizes: Readonly<Record<string, number>> = {
  Boolean: 5,
  DateTime: 26,
  Float: 24,
  ID: 38,
  Int: 11,
  JSON: maxMetadataBytes,
};

/** Sentences, notations, names of models: none is longer in all that the program writes. */
const textSize = 1_000;
/** Names and descriptions of a schema, on average. */
const introspectedSize = 100;

/** The lengths of lists that no argument bounds. */
const listLengths: Readonly<Record<string, number>> = {
  'DifferingQuery.a': maxComparedHits,
  'DifferingQuery.b': maxComparedHits,
  'EmbeddingSpace.scorers': 2,
  'Job.spaces': 2,
  'JobResult.failed': maxListedFailures,
  'LabelComparison.measures': 3,
  'Query.spaces': 20,
  'SearchMethods.rerankers': rerankers.length,
  'SearchMethods.spaces': 20,
  'SpaceComparison.mostDifferent': maxComparedQueries,
};

export function listLengthOf({ type, field }: Pick<Field, 'type' | 'field'>): number {
  return listLengths[`${type.name}.${field.name}`] ?? 1;
}

/** Most bytes that a field takes in an answer, with its name, without the fields within it. */
export function fieldBytes({ type, field, node }: Field): number {
  const name = (node.alias ?? node.name).value;
  const own = getNamedType(field.type);
  const values = isLeafType(own) ? valueBytes(type.name, field.name, own) * leavesOf({ type, field }) : 0;
  return answerFieldBytes + name.length + values;
}

function leavesOf(field: Pick<Field, 'type' | 'field'>): number {
  return isListType(getNullableType(field.field.type)) ? listLengthOf(field) : 1;
}

function valueBytes(parent: string, field: string, type: GraphQLNamedType): number {
  if (type instanceof GraphQLEnumType) return quotes + Math.max(...type.getValues().map(({ name }) => name.length));
  return (
    fieldSizes[`${parent}.${field}`] ?? typeSizes[type.name] ?? (parent.startsWith('__') ? introspectedSize : textSize)
  );
}
