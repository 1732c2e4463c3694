/**
 * Waits like `Promise.all`, but until all have ended: the memory that they write to is in use until then. Rejects with
 * the first rejection in the list.
 */
export async function allSettled(promises: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(promises);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
