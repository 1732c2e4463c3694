/** The process that cases are tried in: `tryInChildren` starts it with a module, a seed and the numbers of the cases. */
import { readdirSync, writeSync } from 'node:fs';
import { peakBytes } from '../../../src/runtime/process-memory.ts';
import type { CaseModule } from './cases.ts';

const [, , module = '', seed = '', from = '', to = ''] = process.argv;
const { openCases } = (await import(`./${module}.ts`)) as CaseModule;
using cases = await openCases(seed);

/** Written at once, so that it is known which case ended the process. */
const tell = (sign: '<' | '>' | '!', number: number, text = ''): number => writeSync(1, `${sign} ${number} ${text}\n`);

const openFiles = (): number => (process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0);

const memory = peakBytes();
const files = openFiles();
for (let number = Number(from); number < Number(to); number += 1) {
  tell('>', number);
  try {
    const outcome = await cases.attempt(number);
    const taken = peakBytes() - memory;
    if (taken > cases.memory) throw new Error(`the process took ${Math.ceil(taken / 2 ** 20)} MiB more (${outcome})`);
    if (openFiles() > files) throw new Error(`it left ${openFiles() - files} files open (${outcome})`);
    tell('<', number, outcome);
  } catch (error) {
    tell('!', number, JSON.stringify(error instanceof Error ? error.message : String(error)));
    // A process that took too much cannot show what the next case takes.
    break;
  }
}
