/** Whether a number of JSON is stored as it was sent: JavaScript rounds whole ones beyond, and may have done so by the time that it is seen. */
export function isKept(value: number): boolean {
  return Math.abs(value) <= Number.MAX_SAFE_INTEGER;
}

/** Says why it is refused. @param value as it was written, where that is known */
export function notKept(value: number | string): string {
  return `${value} is no JSON value that is kept exactly: send a number beyond ${Number.MAX_SAFE_INTEGER} as text`;
}

/** The first number anywhere in a JSON value that is not kept, as JavaScript rounded it. */
export function findNotKept(value: unknown): number | undefined {
  if (typeof value === 'number') return isKept(value) ? undefined : value;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const each of Object.values(value)) {
    const found = findNotKept(each);
    if (found !== undefined) return found;
  }
  return undefined;
}
