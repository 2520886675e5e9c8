/** Schemas that statements name: Semblance's own, and the one the extension `vector` was installed in. */
export interface Schemas {
  readonly own: string;
  readonly vector: string;
}

/** The only place where a name becomes SQL. Double quotes inside are doubled, as Postgres asks for. */
export function quoteIdentifier(name: string): string {
  if (name === '' || name.includes('\0')) throw new RangeError('An SQL identifier is not empty and holds no U+0000');
  return `"${name.replaceAll('"', '""')}"`;
}

/** `name` in Semblance's schema; of a table, function or partition. */
export function ownName(schemas: Schemas, name: string): string {
  return `${quoteIdentifier(schemas.own)}.${quoteIdentifier(name)}`;
}

/** A type, operator class or function of the extension. search_path is never relied on: the extension may live anywhere. */
export function vectorName(schemas: Schemas, name: 'vector' | 'vector_cosine_ops' | 'vector_send'): string {
  return `${quoteIdentifier(schemas.vector)}.${quoteIdentifier(name)}`;
}

/**
 * For SET LOCAL search_path around a migration: own names are made and found first, then the extension's. Temporary tables
 * come last, or anybody's could stand in for one of ours.
 */
export function migrationSearchPath(schemas: Schemas): string {
  return [...new Set([schemas.own, schemas.vector])].map(quoteIdentifier).concat('pg_temp').join(', ');
}
