import { ConfigurationError, messageOf, SemblanceError, type ErrorCode } from '../base/errors.js';

interface Translation {
  readonly code: ErrorCode;
  readonly message: string;
}

const unavailable: Translation = { code: 'DATABASE_UNAVAILABLE', message: 'The database cannot be reached' };
const missing: Translation = {
  code: 'DATABASE_UNAVAILABLE',
  message: "Semblance's tables are missing from the database",
};
const lacksRights: Translation = { code: 'DATABASE_UNAVAILABLE', message: 'The database role lacks a right' };
const readOnly: Translation = { code: 'DATABASE_UNAVAILABLE', message: 'The database takes no writes at the moment' };
const storageFull: Translation = { code: 'STORAGE_FULL', message: 'The database has no room left' };
const conflict: Translation = { code: 'CONFLICT', message: 'Another request changed the same rows at the same time' };
/** The operator's own constraint, trigger or policy. What it says may tell of other rows, so it is for the log. */
const ruled: Translation = { code: 'CONFLICT', message: 'Refused by a rule of this database' };
const overloaded: Translation = { code: 'OVERLOADED', message: 'The database took too long to answer' };

/** By SQLSTATE or, with two characters, by its class: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const bySqlState: Readonly<Record<string, Translation>> = {
  '08': unavailable, // connection exception
  '28': unavailable, // password or role refused: the operator's to mend, as is a missing database
  '3D': unavailable,
  // A schema, table or function of ours is gone: the next attempt migrates.
  '3F000': missing,
  '42P01': missing,
  '42883': missing,
  '42501': lacksRights, // the next attempt says which
  '09': ruled, // triggered action exception
  '27': ruled, // triggered data change violation
  '44': ruled, // WITH CHECK OPTION of a view
  P0001: ruled, // RAISE in a trigger
  P0004: ruled, // ASSERT in a trigger
  '25006': readOnly, // a standby, or default_transaction_read_only
  '25P03': unavailable, // idle_in_transaction_session_timeout
  '40001': conflict, // serialization failure
  '40P01': conflict, // deadlock
  '55P03': conflict, // lock not available
  '53': unavailable, // too many connections, out of memory
  '53100': storageFull,
  '57014': overloaded, // statement timeout
  '57P': unavailable, // shutting down, starting up, terminated, database dropped
  '58': unavailable, // I/O error
  '58030': unavailable,
  XX001: unavailable, // corrupted data, index
  XX002: unavailable,
};

const byErrno: Readonly<Record<string, Translation>> = {
  ECONNREFUSED: unavailable,
  ECONNRESET: unavailable,
  ECONNABORTED: unavailable,
  EPIPE: unavailable,
  ETIMEDOUT: unavailable,
  EHOSTUNREACH: unavailable,
  EHOSTDOWN: unavailable,
  ENETUNREACH: unavailable,
  ENETDOWN: unavailable,
  ENOTFOUND: unavailable,
  EAI_AGAIN: unavailable,
  /** The embedded database's socket is gone. */
  ENOENT: unavailable,
  ENOSPC: storageFull,
  EDQUOT: storageFull,
};

/** Prisma's adapter replaces a socket's error by its own word for it. */
const unreachableInPrisma: ReadonlySet<string> = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TlsConnectionError',
]);

/** pg gives these no code. Held against the driver's sources by a test. */
export const driverMessages = {
  unavailable: [
    'Connection terminated',
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'Client has encountered a connection error and is not queryable',
    'Client was closed and is not queryable',
    'Cannot use a pool after calling end on the pool',
    'The server does not support SSL connections',
  ],
  /** The pool's connections are all busy; a statement has taken too long. */
  overloaded: ['timeout exceeded when trying to connect', 'Query read timeout'],
} as const;

const byDriverMessage = new Map<string, Translation>([
  ...driverMessages.unavailable.map((message): [string, Translation] => [message, unavailable]),
  ...driverMessages.overloaded.map((message): [string, Translation] => [message, overloaded]),
]);

/** Of Postgres's source: the functions that refuse a row by a policy, and that execute RAISE, whatever its SQLSTATE. */
const policyRoutine = 'ExecWithCheckOptions';
const rulingRoutines: ReadonlySet<string | undefined> = new Set([policyRoutine, 'exec_stmt_raise']);

/** A rule of the database's own refused a row: nothing that this program does differently, or later, would change that. */
export class RefusedByRuleError extends SemblanceError {
  constructor(cause: unknown) {
    super(ruled.code, ruled.message, { cause });
  }

  /** What the database said, for the log alone. */
  get detail(): string {
    const said = [messageOf(this.cause), text(field(this.cause, 'detail')), text(field(this.cause, 'where'))];
    return said
      .filter((part) => part !== undefined)
      .join('; ')
      .slice(0, maxDetailCharacters);
  }
}

/** The detail of a refused row shows its columns. */
const maxDetailCharacters = 1_000;

/**
 * A driver's error as one of ours, the original as its cause. A SemblanceError and a ConfigurationError stay what they are,
 * whatever caused them: a file may be what could not be written. So does an error that is not known here: it is a defect,
 * which callers above mask.
 *
 *     catch (error) { throw toStoreError(error); }
 */
export function toStoreError(error: unknown): Error {
  if (error instanceof SemblanceError || error instanceof ConfigurationError) return error;
  const translation = translate(error);
  if (translation === ruled) return new RefusedByRuleError(error);
  if (translation !== undefined) return new SemblanceError(translation.code, translation.message, { cause: error });
  return error instanceof Error ? error : new Error('the database failed', { cause: error });
}

/** Does what toStoreError does, and logs what a rule of the database said, for no client hears it. */
export function toLoggedStoreError(error: unknown, onLog: (message: string) => void): Error {
  const translated = toStoreError(error);
  if (translated instanceof RefusedByRuleError) onLog(`refused by a rule of the database: ${translated.detail}`);
  return translated;
}

/** True where the same transaction, run again from its start, may well succeed. */
export function isRetryable(error: unknown): boolean {
  const code = sqlStateOf(error);
  return code === '40001' || code === '40P01';
}

/** The driver waits for the statement no longer; the connection still does. */
export function isGivenUp(error: Error): boolean {
  return error.message === 'Query read timeout';
}

/** Of pg's error, or of the one inside Prisma's. */
export function sqlStateOf(error: unknown): string | undefined {
  const code = codeOf(error);
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) && !(code in byErrno) ? code : undefined;
}

/** Whether a policy of row-level security refused the row; the same function heeds the WITH CHECK OPTION of views. */
export function isRefusedByPolicy(error: unknown): boolean {
  return sqlStateOf(error) === '42501' && text(field(error, 'routine')) === policyRoutine;
}

function translate(error: unknown): Translation | undefined {
  const code = codeOf(error);
  if (code !== undefined) {
    if (isRule(error, code)) return ruled;
    const found = byErrno[code] ?? bySqlState[code] ?? bySqlState[code.slice(0, 3)] ?? bySqlState[code.slice(0, 2)];
    if (found !== undefined) return found;
  }
  if (unreachableInPrisma.has(text(field(prismaCause(error), 'kind')) ?? '')) return unavailable;
  if (!(error instanceof Error)) return undefined;
  return byDriverMessage.get(error.message) ?? firstOf(nestedErrors(error));
}

/**
 * What Semblance expects of its own constraints is caught where it is expected. A partition that is gone is of the same class, and names
 * neither constraint nor column.
 */
function isRule(error: unknown, code: string): boolean {
  const names = (name: string): boolean => text(field(error, name)) !== undefined;
  return (
    rulingRoutines.has(text(field(error, 'routine'))) ||
    (code.startsWith('23') && (names('constraint') || names('column')))
  );
}

/** Several addresses of one host, each refused; Prisma's wrapping of a driver's error. */
function nestedErrors(error: Error): readonly unknown[] {
  if (error instanceof AggregateError) return error.errors as unknown[];
  return error.cause === undefined ? [] : [error.cause];
}

function firstOf(errors: readonly unknown[]): Translation | undefined {
  for (const error of errors) {
    const translation = translate(error);
    if (translation !== undefined) return translation;
  }
  return undefined;
}

function codeOf(error: unknown): string | undefined {
  return text(field(prismaCause(error), 'originalCode')) ?? text(field(error, 'code'));
}

/** What the driver said, where `error` is Prisma's. */
function prismaCause(error: unknown): unknown {
  return field(field(field(error, 'meta'), 'driverAdapterError'), 'cause');
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
