import { ConfigurationError } from '../../base/errors.js';
import type { CatalogueEntry } from './catalogue-entry.js';

/** What somebody agrees to by having the model; undefined for Apache-2.0, MIT and the like. */
export function describeTerms({ name, license, terms }: CatalogueEntry): string | undefined {
  return terms === undefined ? undefined : `${name} is under the ${license} (${terms.url}): ${terms.summary}.`;
}

/** @throws ConfigurationError where the model has terms of its own that nobody agreed to */
export function assertLicenseAccepted(entry: CatalogueEntry, accepted: boolean): void {
  const terms = describeTerms(entry);
  if (terms === undefined || accepted) return;
  throw new ConfigurationError(`${terms} Read them, and say --accept-license if you agree.`);
}
