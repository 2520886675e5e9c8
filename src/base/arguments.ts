import { invalidArgument } from './errors.js';
import { isRegion, type Region } from '../pixels/region.js';
import {
  defaultCandidates,
  maxCandidates,
  maxK,
  maxMetadataBytes,
  maxPageSize,
  maxSpaceNameCharacters,
} from './limits.js';
import { rerankers, type RerankerName } from '../methods/rerank/reranker.js';
import type { ImageFilter, Metadata } from '../database/types.js';
import type { SearchInput } from '../search/search-input.js';

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
  const sizeBytes = storedBytes(text);
  if (sizeBytes > maxMetadataBytes) {
    throw invalidArgument(name, `at most ${maxMetadataBytes} bytes of JSON`, `${sizeBytes} bytes`);
  }
  checkStorable(text, name);
  return stored;
}

/** A string, to be passed over, or a number with an exponent: its sign, digits, decimals and exponent. */
const stringOrPower = /"(?:[^"\\]|\\.)*"|(-?)(\d)(?:\.(\d+))?e([+-]\d+)/g;

/**
 * Bytes of the JSON, the numbers of what may be stored written out as jsonb does: the six bytes of 1e-300 come back as 302.
 * @param json as JSON.stringify writes it
 */
function storedBytes(json: string): number {
  let bytes = Buffer.byteLength(json);
  // Too much already, and too long a string for the expression.
  if (bytes > maxMetadataBytes) return bytes;
  for (const [written, sign = '', digit, decimals = '', power] of json.matchAll(stringOrPower)) {
    if (digit === undefined) continue;
    const exponent = Number(power);
    // From 1e21 on no decimals are left.
    const digits = exponent > 0 ? exponent + 1 : '0.'.length - exponent + decimals.length;
    bytes += sign.length + digits - written.length;
  }
  return bytes;
}

/** @param json as JSON.stringify writes it */
export function checkStorable(json: string, name: string): void {
  if (unstorable.test(json)) throw invalidArgument(name, 'text that Postgres can store', 'U+0000 or a lone surrogate');
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

export interface CheckedSearch {
  readonly k: number;
  readonly minSimilarity: number | undefined;
  readonly filter: ImageFilter | undefined;
  readonly space: string | undefined;
  readonly rerank: RerankerName | undefined;
  /** k at least. */
  readonly candidates: number;
  readonly region: Region | undefined;
  readonly searchRegions: boolean;
  readonly withoutMetadata: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Everything of a search but its query. */
export function checkSearch(input: SearchInput): CheckedSearch {
  const k = checkK(input.k);
  const { space, rerank, candidates, region, searchRegions = false, withoutMetadata = false, signal } = input;
  if (rerank !== undefined && !rerankers.includes(rerank))
    throw invalidArgument('rerank', rerankers.join(', '), rerank);
  if (rerank !== undefined && searchRegions) {
    throw invalidArgument('rerank', 'nothing beside searchRegions, whose hits may be parts of images', rerank);
  }
  return {
    k,
    minSimilarity: checkMinSimilarity(input.minSimilarity),
    filter: checkFilter(input.filter),
    space,
    rerank,
    candidates:
      candidates === undefined
        ? Math.max(defaultCandidates, k)
        : checkInteger('candidates', candidates, k, maxCandidates, `an integer from k (${k}) to ${maxCandidates}`),
    region: region === undefined ? undefined : checkRegion(region),
    searchRegions,
    withoutMetadata,
    signal,
  };
}

function checkRegion(region: Region): Region {
  if (isRegion(region)) return region;
  throw invalidArgument(
    'region',
    'x and y from 0, width and height above 0, and both x + width and y + height at most 1',
    region,
  );
}

/** What a user can type into a command without quotes. */
export function checkSpaceName(name: string): string {
  if (name.length <= maxSpaceNameCharacters && /^[a-z0-9][a-z0-9._-]*$/.test(name)) return name;
  throw invalidArgument(
    'name',
    `1 to ${maxSpaceNameCharacters} lower-case letters, digits, ".", "_" and "-", the first a letter or digit`,
    name,
  );
}

export function checkSeed(seed: number | undefined): number {
  return checkInteger('seed', seed ?? 1, 0, 2 ** 32 - 1);
}

export function checkInteger(
  name: string,
  value: number,
  min: number,
  max: number,
  expected = `an integer from ${min} to ${max}`,
): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw invalidArgument(name, expected, value);
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
