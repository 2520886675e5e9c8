import type { ImageFilter } from '../../generated/graphql.js';

/** What the form holds, and the address behind `/gallery?`: text as it was typed, '' where nothing was. */
export interface FilterText {
  readonly name: string;
  /** First and last day, as a date field writes them: 2026-11-21. */
  readonly from: string;
  readonly to: string;
  /** A key of the metadata and the value that it must have. */
  readonly key: string;
  readonly value: string;
}

const fields = ['name', 'from', 'to', 'key', 'value'] as const satisfies readonly (keyof FilterText)[];

export const noFilter: FilterText = { name: '', from: '', to: '', key: '', value: '' };

export function parseFilter(queryString: string): FilterText {
  const query = new URLSearchParams(queryString);
  return Object.fromEntries(fields.map((field) => [field, query.get(field) ?? ''])) as Record<keyof FilterText, string>;
}

export function filterQueryString(text: FilterText): string {
  return new URLSearchParams(
    fields.filter((field) => text[field] !== '').map((field): [string, string] => [field, text[field]]),
  ).toString();
}

/** The API's filter; {} where nothing is asked for. A key without a value asks for nothing yet. */
export function toImageFilter({ name, from, to, key, value }: FilterText): ImageFilter {
  const after = dayStart(from);
  const before = dayStart(to, 1);
  return {
    ...(name.trim() === '' ? {} : { filenameContains: name.trim() }),
    ...(after === undefined ? {} : { createdAfter: after.toISOString() }),
    // Both bounds are inclusive: the last millisecond of that day.
    ...(before === undefined ? {} : { createdBefore: new Date(before.getTime() - 1).toISOString() }),
    ...(key.trim() === '' || value.trim() === '' ? {} : { metadata: { [key.trim()]: parseValue(value.trim()) } }),
  };
}

/** Where that day, or one so many days later, begins in the zone of whoever asks. */
function dayStart(day: string, daysLater = 0): Date | undefined {
  const match = /^(\d{4})-(\d{2})-(\d{2})$/.exec(day);
  if (match === null) return undefined;
  const date = new Date(Number(match[1]), Number(match[2]) - 1, Number(match[3]) + daysLater);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

/**
 * Numbers, true, false, null, and whatever stands in quotes or brackets, as JSON has them; anything else is text. So is a number that
 * JavaScript rounds, such as an id of 64 bits: as a number it cannot be stored.
 */
function parseValue(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER ? text : value;
  } catch {
    return text;
  }
}
