import { pino, stdTimeFunctions, type DestinationStream } from 'pino';
import type { LogFormat, LogLevel } from './config.js';
import { printable } from './printable.js';
import { redact } from './redact.js';

export type LogFields = Readonly<Record<string, unknown>>;

/** The operator's log. Nothing reaches it but through `redact`. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  /** With stack and causes, as far as `error` has them. */
  error(message: string, error: unknown, fields?: LogFields): void;
}

export interface LogOptions {
  readonly format: LogFormat;
  readonly level: LogLevel;
  /** What no line may hold, besides what looks like a secret: see secretsOf. */
  readonly secrets: readonly string[];
  /** Takes whole lines. Standard output for JSON, standard error for text, unless given. */
  readonly destination?: DestinationStream | undefined;
}

const stdoutFd = 1;
const stderrFd = 2;

/** One JSON object a line, or the same as text for a person at a terminal. Writes before it returns: a crash loses no line. */
export function openLog({ format, level, secrets, destination }: LogOptions): Log {
  // It goes on where whoever read the log has gone: a server does not end for want of a reader.
  const out = destination ?? pino.destination({ dest: format === 'json' ? stdoutFd : stderrFd, sync: true });
  const logger = pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    format === 'json'
      ? out
      : {
          write: (line: string) => {
            out.write(toText(line));
          },
        },
  );
  // Strings are redacted one by one: over a whole line of JSON a pattern would reach from one field into the next.
  const write = (at: Exclude<LogLevel, 'silent'>, message: string, fields: LogFields = {}): void => {
    if (!logger.isLevelEnabled(at)) return;
    logger[at](redactAll(fields, secrets) as LogFields, redact(message, secrets));
  };
  return {
    debug: (message, fields) => {
      write('debug', message, fields);
    },
    info: (message, fields) => {
      write('info', message, fields);
    },
    warn: (message, fields) => {
      write('warn', message, fields);
    },
    error: (message, error, fields) => {
      write('error', message, { ...fields, error: describeError(error) });
    },
  };
}

interface DescribedError {
  readonly type: string;
  readonly message: string;
  /** An errno, a SQLSTATE, or one of errors.ts. */
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: DescribedError;
  /** Of an AggregateError: a host with several addresses has one for each. */
  readonly errors?: readonly DescribedError[];
}

/** Errors within errors; a cause may be its own cause. */
const maxErrorDepth = 8;

/**
 * What helps to find the cause and nothing else: a driver's error has parameters and rows in other fields, GraphQL's the whole
 * document.
 */
function describeError(error: unknown, depth = 0): DescribedError {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const { code, cause, originalError } = error as Error & { code?: unknown; originalError?: unknown };
  const deeper = depth + 1 < maxErrorDepth;
  // GraphQL's wrapping says nothing that the error inside does not.
  if (originalError instanceof Error && deeper) return describeError(originalError, depth + 1);
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === 'string' ? { code } : {}),
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...(cause === undefined || !deeper ? {} : { cause: describeError(cause, depth + 1) }),
    ...(error instanceof AggregateError && deeper
      ? { errors: error.errors.slice(0, maxErrorDepth).map((one) => describeError(one, maxErrorDepth)) }
      : {}),
  };
}

function redactAll(value: unknown, secrets: readonly string[]): unknown {
  if (typeof value === 'string') return redact(value, secrets);
  if (Array.isArray(value)) return value.map((item) => redactAll(item, secrets));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, redactAll(item, secrets)]));
}

interface Line {
  readonly level: string;
  readonly time: string;
  readonly message: string;
  readonly error?: DescribedError;
}

/** `2026-01-31T12:00:00.000Z WARN  message name=value`, then stacks, indented. */
function toText(json: string): string {
  const { level, time, message, error, ...fields } = JSON.parse(json) as Line & LogFields;
  const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${shown(value)}`);
  const head = `${time} ${level.toUpperCase().padEnd(5)} ${printable(message)}${pairs.join('')}`;
  return `${[head, ...(error === undefined ? [] : errorLines(error))].join('\n')}\n`;
}

function errorLines(error: DescribedError, title = ''): readonly string[] {
  const text = error.stack ?? (error.type === 'string' ? error.message : `${error.type}: ${error.message}`);
  return [
    ...`${title}${text}`.split('\n').map((line) => `  ${printable(line)}`),
    ...(error.errors ?? []).flatMap((one) => errorLines(one, 'one of: ')),
    ...(error.cause === undefined ? [] : errorLines(error.cause, 'caused by: ')),
  ];
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return printable(/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text));
}
