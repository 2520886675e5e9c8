import type { RegionInput } from '../../generated/graphql.js';
import { paths } from '../../lib/paths.js';
import { regionKey } from '../search/region.js';
import { methodKey, type Method } from './method.js';

/**
 * Of a comparison, by a part of the query where there is a region. A picture of the device is kept by the tab alone, so
 * it has no place in an address.
 */
export function compareAddress(
  imageId: string | undefined,
  methods: readonly Method[] = [],
  region?: RegionInput,
): string {
  const query = new URLSearchParams([
    ...(imageId === undefined ? [] : [['image', imageId]]),
    ...(region === undefined ? [] : [['region', regionKey(region)]]),
    ...methods.map((method) => ['method', methodKey(method)]),
  ]);
  return query.size === 0 ? paths.compare : `${paths.compare}?${query.toString()}`;
}
