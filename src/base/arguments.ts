import { invalidArgument } from './errors.js';
import { maxK, maxMetadataBytes, maxPageSize, maxSpaceNameCharacters } from './limits.js';

/** A JSON object. */
type JsonObject = Readonly<Record<string, unknown>>;

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

/** What was checked is what comes back: the JSON of `value`, without undefined fields, inherited ones or a toJSON. */
export function checkMetadata(value: unknown, name = 'metadata'): JsonObject {
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

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
