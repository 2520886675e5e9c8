import { invalidArgument } from '../errors.js';
import { maxK, maxMetadataBytes, maxPageSize } from '../limits.js';
import type { ImageFilter, Metadata } from '../store/types.js';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * What JSON.stringify writes as an escape and jsonb refuses: U+0000 and lone surrogates. An even number of backslashes
 * before the `u` is text that only looks like one.
 */
const unstorable = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;

/** The id in lower case. Every check here throws BAD_USER_INPUT. */
export function checkId(id: string, name = 'id'): string {
  const lower = id.toLowerCase();
  if (!uuid.test(lower)) throw invalidArgument(name, 'a UUID', id);
  return lower;
}

export function checkK(k: number): number {
  return checkInteger('k', k, 1, maxK);
}

export function checkPageSize(first: number): number {
  return checkInteger('first', first, 1, maxPageSize);
}

export function checkMinSimilarity(value: number | undefined): number | undefined {
  if (value !== undefined && !(value >= -1 && value <= 1)) {
    throw invalidArgument('minSimilarity', 'a number from -1 to 1', value);
  }
  return value;
}

/** What was checked is what comes back: the JSON of `value`, without undefined fields, inherited ones or a toJSON. */
export function checkMetadata(value: unknown, name = 'metadata'): Metadata {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw invalidArgument(name, 'a JSON object', value);
  const text = jsonOf(value) ?? 'null';
  const stored: unknown = JSON.parse(text);
  if (!isObject(stored)) throw invalidArgument(name, 'a JSON object', stored);
  const sizeBytes = Buffer.byteLength(text);
  if (sizeBytes > maxMetadataBytes) {
    throw invalidArgument(name, `at most ${maxMetadataBytes} bytes of JSON`, `${sizeBytes} bytes`);
  }
  if (unstorable.test(text)) throw invalidArgument(name, 'text that Postgres can store', 'U+0000 or a lone surrogate');
  return stored;
}

export function checkFilter(filter: ImageFilter | undefined): ImageFilter | undefined {
  if (filter === undefined) return undefined;
  if (filter.sha256 !== undefined && !/^[0-9a-f]{64}$/.test(filter.sha256)) {
    throw invalidArgument('filter.sha256', '64 lower-case hexadecimal digits', filter.sha256);
  }
  if (filter.filenameContains?.includes('\0') === true) {
    throw invalidArgument('filter.filenameContains', 'text without the character U+0000', filter.filenameContains);
  }
  if (filter.metadata === undefined) return filter;
  return { ...filter, metadata: checkMetadata(filter.metadata, 'filter.metadata') };
}

function checkInteger(name: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw invalidArgument(name, `an integer from ${min} to ${max}`, value);
  }
  return value;
}

/** Undefined for a toJSON that answers nothing. */
function jsonOf(value: object): string | undefined {
  return JSON.stringify(value);
}

function isObject(value: unknown): value is Metadata {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
