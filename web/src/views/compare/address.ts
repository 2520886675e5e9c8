import { paths } from '../../lib/paths.js';
import { methodKey, type Method } from './method.js';

/** Of a comparison. A picture of the device is kept by the tab alone, so it has no place in an address. */
export function compareAddress(imageId: string | undefined, methods: readonly Method[]): string {
  const query = new URLSearchParams([
    ...(imageId === undefined ? [] : [['image', imageId]]),
    ...methods.map((method) => ['method', methodKey(method)]),
  ]);
  return query.size === 0 ? paths.compare : `${paths.compare}?${query.toString()}`;
}
