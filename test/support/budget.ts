/** Bytes that a process is said to take by itself: the true figure depends on what it did before, and changes by the minute. */
const runtimeBytes = 200 * 2 ** 20;

/** A budget, as options of a model, that leaves it exactly `beside` bytes on every machine. */
export const budgetBeside = (beside: number): { readonly memoryBudget: number; readonly runtimeBytes: number } => ({
  memoryBudget: runtimeBytes + beside,
  runtimeBytes,
});
