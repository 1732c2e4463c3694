import { setImmediate } from 'node:timers/promises';
import { createContext, Script } from 'node:vm';

/** Exit code of an interrupted process: 128 + the number of SIGINT. */
const interruptedExitCode = 130;

/**
 * Does `work`; Ctrl-C aborts its signal and ends it without an error, and so does a reader of stdout that goes away. A
 * second Ctrl-C ends the process at once.
 */
export async function interruptible(work: (abort: AbortController) => Promise<void>): Promise<void> {
  const abort = new AbortController();
  const interrupt = (): void => {
    process.exitCode = interruptedExitCode;
    abort.abort();
  };
  const leave = (): void => abort.abort();
  process.once('SIGINT', interrupt);
  process.stdout.once('error', leave);
  try {
    await work(abort);
  } catch (error) {
    if (!abort.signal.aborted) throw error;
  } finally {
    process.off('SIGINT', interrupt);
    process.stdout.off('error', leave);
  }
}

/** Rejects with the signal's reason if it is aborted, or Ctrl-C came while the event loop stood still. */
export async function throwIfInterrupted(signal: AbortSignal): Promise<void> {
  // The second turn begins with new signals, the first may not.
  await setImmediate();
  await setImmediate();
  signal.throwIfAborted();
}

const call = new Script('work()');

/**
 * Does `work` that blocks the event loop, such as a model's template: Ctrl-C ends it all the same, and aborts. Rejects
 * with the errors of `work`, and where Ctrl-C came before it.
 */
export async function interruptibleBlocking<T>(abort: AbortController, work: () => T): Promise<T> {
  // The script takes the listeners of Ctrl-C away: one that waits for the event loop since would be lost.
  await throwIfInterrupted(abort.signal);
  try {
    return call.runInContext(createContext({ work }), { breakOnSigint: true }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_INTERRUPTED') {
      process.exitCode = interruptedExitCode;
      abort.abort();
    }
    throw error;
  }
}
