import { SemblanceError } from './errors.js';

/** @throws SemblanceError NOT_FOUND */
export function requireFound<T>(value: T | undefined, id: string): T {
  if (value === undefined) throw new SemblanceError('NOT_FOUND', `There is no image with the id ${id}`);
  return value;
}
