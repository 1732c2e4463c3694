import { readFileSync } from 'node:fs';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { formatBytes } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { type GroupLimits, groupLimits } from '../plan/cgroups.ts';
import { autoBudget, availableOf } from '../plan/defaults.ts';

/** Hears of things worth knowing, though nothing is wrong. */
type Warn = (reason: Error) => void;

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

const limits = (): GroupLimits =>
  process.platform === 'linux' ? groupLimits(read) : { memory: undefined, available: undefined, cores: undefined };

/** Bytes that this process could get now without others losing theirs. */
function availableBytes(): number {
  const { platform } = process;
  // Node counts the page cache of a control group as taken.
  const free = platform === 'linux' ? freemem() : process.availableMemory();
  const available = availableOf({ total: totalmem(), available: free, platform });
  return Math.min(available, limits().available ?? Number.POSITIVE_INFINITY);
}

/** Bytes that the machine, or a control group of this process, will ever give it. */
export const machineBytes = (): number => Math.min(totalmem(), limits().memory ?? Number.POSITIVE_INFINITY);

const share = /^\s*(\d+(?:\.\d+)?)\s*%\s*$/;

/** Bytes of a share of the memory that this process can have, "50%"; undefined for other texts, and shares beyond all of it. */
export function shareOfMachine(text: string): number | undefined {
  const percent = Number(share.exec(text)?.[1]);
  return percent > 0 && percent <= 100 ? Math.floor((percent / 100) * machineBytes()) : undefined;
}

/**
 * The budget in bytes: as `requested`, or else `autoBudget`. Throws BAD_OPTION, and BUDGET_TOO_LARGE where the machine,
 * or a control group of this process, will never give it that much; warns where it is more than is free now.
 */
export function budgetFor(requested: number | undefined, warn?: Warn): number {
  const available = availableBytes();
  if (requested === undefined) return autoBudget({ total: totalmem(), available });
  if (!(requested > 0)) throw wrong('memoryBudget', requested, 'a number of bytes');
  const memory = machineBytes();
  if (requested > memory) throw new EngineError('BUDGET_TOO_LARGE', { budget: requested, memory });
  // The process holds some of the budget already.
  const free = available + process.memoryUsage.rss();
  if (requested > free) warn?.(new Error(crowded(requested, free)));
  return requested;
}

const wrong = (option: string, value: number, expected: string): EngineError =>
  new EngineError('BAD_OPTION', { option, value: `${value}`, expected });

const crowded = (budget: number, free: number): string =>
  `a memory budget of ${formatBytes(budget)} is more than the ${formatBytes(free)} that are free now: ` +
  'as it fills, other programs lose memory, the system swaps, or it ends this process';

/**
 * Threads that share each operation: as `requested`, but no more than there are cores for; default: one for each core.
 * Throws BAD_OPTION.
 */
export function threadsFor(requested: number | undefined, warn?: Warn): number {
  const cores = Math.min(availableParallelism(), Math.max(1, Math.ceil(limits().cores ?? Number.POSITIVE_INFINITY)));
  if (requested === undefined) return cores;
  if (!Number.isInteger(requested) || requested < 1) throw wrong('threads', requested, 'a whole number from 1 on');
  if (requested <= cores) return requested;
  const here = cores === 1 ? '1 core' : `${cores} cores`;
  warn?.(new Error(`${requested} threads would wait for each other: ${here} can be had, so as many compute`));
  return cores;
}
