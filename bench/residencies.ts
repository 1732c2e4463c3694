import { type Residency, type ResidencyCandidate, spread } from '../src/plan/residency.ts';

/** The first weights of a pass, as many as fit: what pinning layers comes to. */
export const firstLayers: Residency = (candidates, capacity) => {
  const resident = new Set<number>();
  let left = capacity;
  for (const { id, bytes } of candidates) {
    if (bytes > left) break;
    left -= bytes;
    resident.add(id);
  }
  return resident;
};

/**
 * The candidates that a cache of `capacity` bytes which drops the least recently used would find in it on a pass, once
 * it has seen some: these count as resident. A cycle longer than the cache always drops the one that is needed next.
 */
export const leastRecentlyUsed: Residency = (candidates, capacity) => {
  const cache = new Map<number, number>();
  let used = 0;
  let hits = new Set<number>();
  const use = ({ id, bytes }: ResidencyCandidate): void => {
    if (cache.delete(id)) hits.add(id);
    else used += bytes;
    cache.set(id, bytes);
    for (const [oldest, size] of cache) {
      if (used <= capacity) return;
      cache.delete(oldest);
      used -= size;
    }
  };
  const passes = 3;
  for (let pass = 0; pass < passes; pass += 1) {
    hits = new Set();
    for (const candidate of candidates) use(candidate);
  }
  return hits;
};

/** The ways to choose that are compared. */
export const residencies: Readonly<Record<string, Residency>> = {
  'spread evenly': spread,
  'first layers': firstLayers,
  'LRU (simulated)': leastRecentlyUsed,
};
