/** Result of `work`; undefined if it throws, where that does no harm. */
export function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
