import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { crowding } from '../../support/crowding.ts';
import { type TempFolder, tempFolder } from '../../support/temp-folder.ts';
import { type AttackOptions, Ledger, type Toll } from './attack.ts';

const program = fileURLToPath(new URL('case-child.ts', import.meta.url));
/** Milliseconds without a word from a child that has a core, after which the case that it is at never ends. */
const patience = 60_000;
/** As many times more for a child that makes what its cases need: a model of each architecture. */
const makingOf = 10;
/** Cases that one process tries: more would leave it too large, fewer are not worth their models and its start. */
const batch = { least: 100, most: 2500 };
const errorTail = 400;

/** Where the cases of an attack are defined: a module beside this one, which exports `openCases`. */
export interface CaseModule {
  openCases(seed: string): Promise<Cases>;
}

/** Cases that are tried in the process that opened them. */
export interface Cases extends Disposable {
  /** More than the process took when the cases were opened, in bytes: who takes more has not survived. */
  readonly memory: number;
  /** Tries a case and names its outcome. Rejects where it was not survived. */
  attempt(number: number): Promise<string>;
}

/** In memory where that is possible: the headers are what is tried, not the disk. */
export const scratchFolder = (): TempFolder => tempFolder(existsSync('/dev/shm') ? '/dev/shm' : undefined);

/**
 * Tries the cases that a module defines in processes of their own, as many at once as there are cores: whoever ends the
 * process, never ends or takes too much memory is found, and the next case is tried in another process.
 */
export async function tryInChildren(module: string, { count, seed, from = 0 }: AttackOptions): Promise<Toll> {
  const ledger = new Ledger();
  const batches: [number, number][] = [];
  const size = Math.max(batch.least, Math.min(batch.most, Math.ceil(count / availableParallelism())));
  for (let at = from; at < from + count; at += size) batches.push([at, Math.min(at + size, from + count)]);
  const work = async (): Promise<void> => {
    for (let next = batches.shift(); next; next = batches.shift()) {
      let [at, end] = next;
      while (at < end) at = await tryBatch(module, seed, [at, end], ledger);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return ledger.toll();
}

/** Tries the cases of a batch up to the first that ends its process; returns the number of the next one. */
async function tryBatch(module: string, seed: string, [from, to]: [number, number], ledger: Ledger): Promise<number> {
  const args = ['--import', 'tsx', program, module, seed, `${from}`, `${to}`];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-errorTail);
  });
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const silence = watch(child);
  let at: number | undefined;
  let next = from;
  for await (const line of createInterface({ input: child.stdout })) {
    silence.broken();
    const [, sign, number = '', text = ''] = /^([<>!]) (\d+) ?(.*)$/.exec(line) ?? [];
    if (sign === '>') at = Number(number);
    if (sign === '<') ledger.survived(text);
    if (sign === '!') ledger.fell(Number(number), module, JSON.parse(text));
    if (sign === '<' || sign === '!') {
      next = Number(number) + 1;
      at = undefined;
    }
  }
  const [code, signal] = await ended;
  silence.over();
  if (at !== undefined) {
    const how = silence.tooLong() ? `nothing came of it in ${patience / 1000} s` : (signal ?? `exit code ${code}`);
    ledger.fell(at, module, `${how}: ${said.trim()}`);
    return at + 1;
  }
  if (next === from) throw new Error(`the cases of ${module} cannot be tried (${signal ?? code}): ${said}`);
  return next;
}

/** Kills a child that has been silent for too long. */
function watch(child: ChildProcess): { broken(): void; over(): void; tooLong(): boolean } {
  let tooLong = false;
  const wait = (milliseconds: number): NodeJS.Timeout =>
    setTimeout(() => {
      tooLong = true;
      child.kill('SIGKILL');
    }, milliseconds);
  let timer = wait(patience * makingOf * crowding());
  return {
    broken: () => {
      clearTimeout(timer);
      timer = wait(patience * crowding());
    },
    over: () => clearTimeout(timer),
    tooLong: () => tooLong,
  };
}
