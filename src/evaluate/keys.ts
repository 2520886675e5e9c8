import { createHash } from 'node:crypto';

/** Names what was computed from these parts: other parts, another name. */
export function keyOf(...parts: readonly unknown[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${JSON.stringify(part)}\n`);
  return hash.digest('hex').slice(0, 16);
}
