import { GraphQLError, type DocumentNode, type GraphQLSchema } from 'graphql';
import type { ComplexityEstimatorArgs } from 'graphql-query-complexity';
// The package's ES modules load a second copy of graphql, which takes none of the first one's types.
import { getComplexity } from 'graphql-query-complexity/cjs';

export interface MeasuredOperation {
  readonly schema: GraphQLSchema;
  readonly query: DocumentNode;
  /** As the client sent them. */
  readonly variables: Readonly<Record<string, unknown>>;
  readonly operationName: string | undefined;
}

/** A field that the operation asks for, and what was found of the fields within it. */
export type MeasuredField = Pick<ComplexityEstimatorArgs, 'type' | 'field' | 'node' | 'args' | 'childComplexity'>;

/**
 * The sum of an estimate over the fields of an operation, as @skip and @include leave them and fragments unfold to them.
 * @throws GraphQLError BAD_USER_INPUT where a variable or an argument is not of its type, or fragments unfold to too many fields
 */
export function measureOperation(
  { operationName, ...operation }: MeasuredOperation,
  estimate: (field: MeasuredField) => number,
): number {
  try {
    return getComplexity({
      ...operation,
      ...(operationName === undefined ? {} : { operationName }),
      estimators: [estimate],
    });
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    // What is not of its type is the client's error here as it would be in execution.
    throw new GraphQLError(error.message, {
      originalError: error,
      extensions: { code: 'BAD_USER_INPUT', http: { status: 400 } },
    });
  }
}
