import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { parseBytes } from '../src/base/size.ts';

/** The value of an option that is a whole number from 1 on. */
export function positiveNumber(text: string): number {
  const n = Number(text);
  if (!Number.isSafeInteger(n) || n < 1) throw new InvalidArgumentError('expected a whole number from 1 on.');
  return n;
}

/** Options of all measurements of a mixture. */
export interface MeasureOptions {
  readonly memoryBudget: number;
  readonly expertCache?: number;
  readonly text: string;
  readonly threads: number;
  readonly verdict?: string;
}

/** A command that measures a mixture under a budget. */
export const mixtureCommand = (name: string): Command =>
  new Command(name)
    .argument('<model>', 'GGUF file of a mixture')
    .requiredOption('-m, --memory-budget <size>', 'memory for everything', parseBytes)
    .option('--expert-cache <size>', 'memory for experts (default: what is left)', parseBytes)
    .option('--text <file>', 'text that prompts are taken from', 'docs/ARCHITECTURE.md')
    .option('--threads <n>', 'threads that compute', positiveNumber, availableParallelism())
    .option('--verdict <text>', 'a remark for results.tsv');
