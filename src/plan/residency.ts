/** A slice that may stream, in order of use. `bytes` is the cost of keeping it. */
export interface ResidencyCandidate {
  readonly id: number;
  readonly bytes: number;
}

/** A choice of the candidates that stay resident in `capacity` bytes. */
export type Residency = (candidates: readonly ResidencyCandidate[], capacity: number) => ReadonlySet<number>;

/**
 * Chooses residents in `capacity` bytes, spread evenly over the pass, so that computing on them overlaps with reading
 * the others. On a cyclic scan a fixed set hits as often as any policy can; LRU would never hit.
 */
export function spread(candidates: readonly ResidencyCandidate[], capacity: number): ReadonlySet<number> {
  const total = candidates.reduce((sum, c) => sum + c.bytes, 0);
  const resident = new Set<number>();
  if (total <= capacity) return new Set(candidates.map((c) => c.id));

  // Each candidate earns its share of the capacity; one that finds enough credit saved up spends it and stays.
  const share = Math.max(0, capacity) / total;
  let credit = 0;
  let left = capacity;
  for (const { id, bytes } of candidates) {
    credit += bytes * share;
    if (credit < bytes || left < bytes) continue;
    credit -= bytes;
    left -= bytes;
    resident.add(id);
  }
  // Rounding leaves some capacity: the largest that still fit take it.
  for (const { id, bytes } of candidates.toSorted((a, b) => b.bytes - a.bytes)) {
    if (resident.has(id) || bytes > left) continue;
    left -= bytes;
    resident.add(id);
  }
  return resident;
}
