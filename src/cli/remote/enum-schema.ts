import { z } from 'zod';

/**
 * A value of an enum of GraphQL. A newer server may have values that this program does not know: they are shown as the server names
 * them, and code that compares a value with known ones must do something sensible for any other.
 */
export function enumSchema<T extends string>(): z.ZodType<T> {
  return z.string() as unknown as z.ZodType<T>;
}

/** The same in lower case, as the commands name it. */
export function lowerCaseEnum<T extends string>(): z.ZodType<T> {
  return z.string().transform((name) => name.toLowerCase() as T);
}
