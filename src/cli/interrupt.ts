/** A process that was interrupted ends with 128 + the number of SIGINT. */
const interruptedExitCode = 130;

/** Does `work`; Ctrl-C aborts its signal and ends it without an error. A second Ctrl-C ends the process at once. */
export async function interruptible(work: (abort: AbortController) => Promise<void>): Promise<void> {
  const abort = new AbortController();
  const interrupt = (): void => {
    process.exitCode = interruptedExitCode;
    abort.abort();
  };
  process.once('SIGINT', interrupt);
  try {
    await work(abort);
  } catch (error) {
    if (!abort.signal.aborted) throw error;
  } finally {
    process.off('SIGINT', interrupt);
  }
}
