/**
 * Forecasts against measurements: npm run bench:forecast. For some models and three budgets each, the tokens a second and
 * the first token that `info --budgets` expects of a model that never ran, and those of a run in a process of its own
 * right after; and what `info` expects of the budget then, and had expected after the run of the budget before. --only
 * measures one model, and goes on with what was measured of the others. --write puts the table into docs/forecast.md.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { fetchDemoModel } from '../examples/fetch-model.ts';
import { at } from '../src/base/at.ts';
import { formatBytes } from '../src/base/bytes.ts';
import { median } from '../src/base/median.ts';
import { savedCalibration } from '../src/cli/calibrations.ts';
import type { ExpectedSpeed } from '../src/cli/forecast.ts';
import { Model } from '../src/model/model.ts';
import type { PlanSummary } from '../src/plan/explain.ts';
import { Vocabulary } from '../src/text/vocabulary.ts';
import { forecastModels } from './forecast-models.ts';

const page = 'docs/forecast.md';
const [begin, end] = ['<!-- table: made by bench/forecast.ts -->', '<!-- end of table -->'];
const cli = fileURLToPath(new URL('../bin/ssd-llm.cjs', import.meta.url));
const rowsFile = 'forecast-rows.json';
const context = 1024;
const tokens = 64;
/** Times that a run is repeated which other work was in the way of. */
const retries = 2;
/** The text of prompts: experts are used as unequally as by a text that people write. */
const text = 'docs/speed.md';
const ioThreads = 8;

interface Expected {
  readonly plan: PlanSummary;
  readonly speed: ExpectedSpeed;
}

interface Measured {
  readonly tokens_per_s: number;
  readonly first_token_s: number;
  /** True if other work was in the way of decoding. */
  readonly disturbed: boolean;
}

interface Row {
  readonly model: string;
  /** Bytes a second of the storage, as they were measured beside it. */
  readonly storage: number | undefined;
  readonly expected: Expected;
  readonly measured: Measured;
  /** Tokens a second that are expected after the run, and were after that of another budget. */
  readonly afterwards: number;
  readonly afterOther: number | undefined;
}

/** Runs a program with the cache of this comparison, and reads the JSON that it prints. */
function json<T>(args: readonly string[], cache: string): T {
  const env = { ...process.env, SSD_LLM_CACHE: cache, UV_THREADPOOL_SIZE: `${ioThreads}` };
  const stdio = ['ignore', 'pipe', 'inherit'] as const;
  return JSON.parse(execFileSync(process.execPath, args, { env, stdio: [...stdio], encoding: 'utf8' })) as T;
}

const infoOf = (path: string): readonly string[] => [cli, 'info', path, '--json', '--ctx', `${context}`];

/** Tokens a second that are expected now. */
const expectedNow = (path: string, cache: string, budget: number): number =>
  json<Expected>([...infoOf(path), '--memory-budget', `${budget}`], cache).speed.tokens_per_s;

/** Three of the budgets that `info --budgets` compares: near the smallest, in the middle, and all in memory. */
function expectations(path: string, cache: string): readonly Expected[] {
  const { plan, budgets } = json<Expected & { readonly budgets: readonly Expected[] }>(
    [...infoOf(path), '--budgets'],
    cache,
  );
  const found = budgets.filter((one) => one.plan.budget < plan.budget);
  const last = found.length - 1;
  return [Math.max(0, Math.min(1, last - 2)), found.length >> 1, last].map((i) => at(found, i));
}

/** One run of a model that nobody has opened before: its first token, and some more. */
async function measure(
  path: string,
  { budget, runtime, prompt }: { readonly budget: number; readonly runtime: number; readonly prompt: number },
): Promise<Measured> {
  const began = performance.now();
  // The process is counted as the command line's, which carries no compiler of TypeScript.
  const options = { memoryBudget: budget, runtimeBytes: runtime, context, ioThreads };
  const measuredFolder = process.env['SSD_LLM_CACHE'];
  await using model = Model.open(path, { ...options, measuredFolder, reading: savedCalibration(path) });
  using vocabulary = Vocabulary.open(path);
  const read = vocabulary.tokenize(readFileSync(text, 'utf8'), { addSpecial: true, parseSpecial: false });
  const asked = { temperature: 0.8, seed: 1, ignoreEnd: true, maxTokens: tokens } as const;
  const generation = model.generate(read.slice(0, prompt), asked);
  let first: number | undefined;
  for await (const _ of generation) first ??= (performance.now() - began) / 1000;
  const { stats } = generation;
  if (!stats || first === undefined) throw new Error(`${path} gave no answer`);
  const { disturbed } = model.inner.engine.loneTokens.time;
  return { tokens_per_s: stats.decode.tokens_per_s, first_token_s: first, disturbed };
}

const number = (n: number): string => `${Number(n.toPrecision(3))}`;
/** How many times what was forecast is what was measured. */
const rateRatio = ({ expected, measured }: Row): number => expected.speed.tokens_per_s / measured.tokens_per_s;
const laterRatio = ({ afterwards, measured }: Row): number => afterwards / measured.tokens_per_s;
const otherRatio = ({ afterOther, measured }: Row): number | undefined =>
  afterOther === undefined ? undefined : afterOther / measured.tokens_per_s;
const firstRatio = ({ expected, measured }: Row): number => expected.speed.first_token_s / measured.first_token_s;

function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const { plan, speed } = row.expected;
    return [
      row.model,
      formatBytes(plan.budget),
      formatBytes(plan.bytes_per_token),
      speed.bound,
      ...[speed.tokens_per_s, row.measured.tokens_per_s, rateRatio(row)].map(number),
      otherRatio(row) === undefined ? '' : number(otherRatio(row) ?? Number.NaN),
      number(laterRatio(row)),
      ...[speed.first_token_s, row.measured.first_token_s, firstRatio(row)].map(number),
    ];
  });
  const rates = ['tokens/s', 'measured', 'ratio', 'after another budget', 'after it'];
  const heads = ['model', 'budget', 'read/token', 'bound', ...rates, 'first token, s', 'measured', 'ratio'];
  const all = [heads, heads.map(() => '---'), ...lines];
  return all.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function summary(rows: readonly Row[]): string {
  const storage = median(rows.flatMap(({ storage }) => storage ?? []));
  const within = (ratio: (row: Row) => number): string =>
    `${rows.filter((row) => Math.abs(Math.log(ratio(row))) <= Math.log(1.25)).length} of ${rows.length}`;
  const typical = (ratio: (row: Row) => number): string => number(median(rows.map(ratio)));
  const cpu = cpus()[0]?.model.trim() ?? process.arch;
  const read = Number.isNaN(storage) ? 'storage that was not measured' : `storage of ${formatBytes(storage)}/s`;
  return (
    `${cpu}, ${availableParallelism()} threads, ${formatBytes(totalmem())} of memory, ${read}, Node ${process.version}. ` +
    `Tokens a second within 25 %: ${within(rateRatio)} (median ratio ${typical(rateRatio)}); ` +
    `after a run ${within(laterRatio)}; first token: ${within(firstRatio)} (median ratio ${typical(firstRatio)}).`
  );
}

/** The rows of this comparison and of earlier ones. */
const savedRows = (folder: string): readonly Row[] => {
  const file = join(folder, rowsFile);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as readonly Row[]) : [];
};

interface Options {
  readonly folder: string;
  readonly only?: string;
  readonly write?: boolean;
}

async function compare({ folder, only, write }: Options): Promise<void> {
  const chosen = forecastModels(folder, await fetchDemoModel(), only);
  // Nothing is known of any model but what the forecast itself finds out.
  const cache = mkdtempSync(join(tmpdir(), 'ssd-llm-forecast-'));
  try {
    process.env['SSD_LLM_CACHE'] = cache;
    for (const [model, path] of chosen) {
      const rows: Row[] = [];
      for (const expected of expectations(path, cache)) {
        const { plan, speed } = expected;
        const own = [...process.execArgv, fileURLToPath(import.meta.url), 'measure', path];
        const args = [...own, ...[plan.budget, plan.memory.runtime, speed.first_token_prompt].map(String)];
        const afterOther = rows.length > 0 ? expectedNow(path, cache, plan.budget) : undefined;
        let measured = json<Measured>(args, cache);
        for (let again = 0; measured.disturbed && again < retries; again += 1) measured = json<Measured>(args, cache);
        const afterwards = expectedNow(path, cache, plan.budget);
        const storage = savedCalibration(path)?.bytesPerSecond;
        rows.push({ model, storage, expected, measured, afterwards, afterOther });
        process.stderr.write(
          `${model} ${formatBytes(plan.budget)}: ${number(rateRatio(at(rows, rows.length - 1)))}${measured.disturbed ? ', disturbed' : ''}\n`,
        );
      }
      const others = savedRows(folder).filter((row) => row.model !== model);
      writeFileSync(join(folder, rowsFile), JSON.stringify([...others, ...rows]));
    }
    const rows = savedRows(folder);
    const text = `${summary(rows)}\n\n${table(rows)}`;
    console.log(text);
    if (!write) return;
    const [before = '', rest = ''] = readFileSync(page, 'utf8').split(begin);
    writeFileSync(page, `${before}${begin}\n\n${text}\n\n${end}${rest.split(end)[1] ?? ''}`);
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

const program = new Command('forecast').description('Compare forecasts with measurements.');
program
  .command('compare', { isDefault: true })
  .option('--folder <dir>', 'where models are made, once', join(tmpdir(), 'ssd-llm-forecast-models'))
  .option('--only <name>', 'one model, beside what was measured of the others')
  .option('--write', `put the table into ${page}`)
  .action(compare);
program
  .command('measure', { hidden: true })
  .arguments('<model> <budget> <runtime> <prompt>')
  .action(async (path: string, budget: string, runtime: string, prompt: string) => {
    const wanted = { budget: Number(budget), runtime: Number(runtime), prompt: Number(prompt) };
    console.log(JSON.stringify(await measure(path, wanted)));
  });
await program.parseAsync();
