/**
 * overlap@k of two rankings: the share of their first k that both hold, in whatever order. Where there are fewer than k to
 * find, it is the share of the longer one; 1 where both are empty.
 */
export function overlapAt(a: readonly string[], b: readonly string[], k: number): number {
  const first = new Set(a.slice(0, k));
  const others = new Set(b.slice(0, k));
  const longer = Math.max(first.size, others.size);
  if (longer === 0) return 1;
  let shared = 0;
  for (const id of others) if (first.has(id)) shared++;
  return shared / longer;
}
