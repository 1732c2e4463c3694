/**
 * Compares with llama.cpp through the very same library, on one machine in one run, alternating:
 * npm run bench:peers -- MODEL --memory-budget 1.6G. Medians of the rounds go to results.tsv and to bench/charts.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { formatBytes } from '../src/base/bytes.ts';
import { median } from '../src/base/median.ts';
import { parseBytes } from '../src/base/size.ts';
import { barChartSvg } from './bar-chart.ts';
import { type Contestant, type ContestResult, llamaInRam, llamaMapped, ssdLlm, ssdLlmInRam } from './contestants.ts';
import { positiveNumber } from './options.ts';
import { type ReadAhead, readAheadOf } from './read-ahead.ts';
import { appendResult } from './results.ts';

interface Options {
  memoryBudget: number;
  rounds: number;
  tokens: number;
  promptTokens: number;
  threads: number;
  ram: boolean;
  chart?: string;
}

/** Linux's own read-ahead, where the machine has another. */
const linuxReadAhead = 128;

/** Runs everybody in each round, and returns what each came to; who fails once is not run again. */
async function compete(path: string, options: Options): Promise<Map<Contestant, ContestResult[] | Error>> {
  const changed = readAheadOf(path);
  using readAhead = typeof changed === 'string' ? undefined : changed;
  const contestants = [ssdLlm, llamaMapped(), ...(readAhead ? [llamaMapped(linuxReadAhead)] : [])];
  if (typeof changed === 'string') process.stderr.write(`read-ahead stays as it is: ${changed}\n`);
  if (options.ram) contestants.push(ssdLlmInRam, llamaInRam);

  const task = { path, budget: options.memoryBudget, ...options };
  const outcomes = new Map<Contestant, ContestResult[] | Error>(contestants.map((contestant) => [contestant, []]));
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const [contestant, before] of outcomes) {
      if (before instanceof Error) continue;
      const result = await runWith(readAhead, contestant, () => contestant.run(task)).catch((error: Error) => error);
      if (result instanceof Error) outcomes.set(contestant, result);
      else before.push(result);
      process.stderr.write(
        `round ${round}: ${contestant.name}: ${result instanceof Error ? result.message : line(result)}\n`,
      );
    }
  }
  return outcomes;
}

async function runWith<T>(
  readAhead: ReadAhead | undefined,
  { readAhead: kib }: Contestant,
  run: () => Promise<T>,
): Promise<T> {
  readAhead?.set(kib ?? readAhead.initial);
  try {
    return await run();
  } finally {
    readAhead?.set(readAhead.initial);
  }
}

const line = ({ prefill, decode, peak, fraction, firstToken }: ContestResult): string =>
  [
    `prefill ${prefill.toFixed(2)}/s, decode ${decode.toFixed(3)}/s`,
    peak === undefined ? '' : `peak ${formatBytes(peak)}`,
    fraction === undefined ? '' : `fraction ${fraction.toFixed(3)}`,
    firstToken ? `first token ${firstToken.seconds.toFixed(2)} s, sweep ${firstToken.sweepSeconds.toFixed(2)} s` : '',
  ]
    .filter(Boolean)
    .join(', ');

/** Median, least and most. */
const spread = (values: readonly number[]): readonly [number, number, number] => [
  median(values),
  Math.min(...values),
  Math.max(...values),
];
const three = (values: readonly number[], digits: number): string => {
  const [middle, least, most] = spread(values).map((v) => v.toFixed(digits));
  return least === most ? `${middle}` : `${middle} (${least}-${most})`;
};

function report(
  path: string,
  options: Options,
  outcomes: ReadonlyMap<Contestant, readonly ContestResult[] | Error>,
): void {
  const own = (contestant: Contestant): readonly ContestResult[] => {
    const runs = outcomes.get(contestant.inRam ? ssdLlmInRam : ssdLlm);
    if (!runs || runs instanceof Error) throw new Error(`ssd-llm failed: ${runs?.message}`);
    return runs;
  };
  process.stdout.write(
    '| | decode, tokens/s | ours by theirs | prefill, tokens/s | ours by theirs | peak |\n|---|---|---|---|---|---|\n',
  );
  const bars: { label: string; value: number; low: number; high: number; highlight: boolean }[] = [];
  for (const [contestant, runs] of outcomes) {
    if (runs instanceof Error) {
      process.stdout.write(`| ${contestant.name} | ${runs.message} | | | |\n`);
      continue;
    }
    const decode = runs.map((run) => run.decode);
    const prefill = runs.map((run) => run.prefill);
    const peaks = runs.flatMap(({ peak }) => peak ?? []);
    const ratioOf = (what: 'decode' | 'prefill'): number =>
      median(own(contestant).map((run, i) => run[what] / (runs[i]?.[what] ?? run[what])));
    const [ratio, prefillRatio] = [ratioOf('decode'), ratioOf('prefill')];
    const peak = peaks.length > 0 ? formatBytes(Math.max(...peaks)) : '';
    process.stdout.write(
      `| ${contestant.name} | ${three(decode, 2)} | ${ratio.toFixed(2)} | ${three(prefill, 1)} | ${prefillRatio.toFixed(2)} | ${peak} |\n`,
    );
    const [value, low, high] = spread(decode);
    bars.push({ label: contestant.name, value, low, high, highlight: contestant.name.startsWith('ssd-llm') });
    appendResult(
      {
        experiment: `peers: ${contestant.name}`,
        model: basename(path),
        budget: formatBytes(options.memoryBudget),
        figures: {
          decode_tokens_per_s: three(decode, 3).replaceAll(' ', ''),
          prefill_tokens_per_s: three(prefill, 2).replaceAll(' ', ''),
          prompt_tokens: options.promptTokens,
          decode_ours_by_theirs: ratio.toFixed(2),
          prefill_ours_by_theirs: prefillRatio.toFixed(2),
          peak: Math.max(0, ...peaks),
          ...ownFigures(runs),
        },
      },
      { silent: true },
    );
  }
  if (!options.chart) return;
  mkdirSync(fileURLToPath(new URL('charts', import.meta.url)), { recursive: true });
  const title = `Decoding ${basename(path, '.gguf')} in ${formatBytes(options.memoryBudget)}`;
  const subtitle = `tokens per second, median and spread of ${options.rounds} alternating runs, ${options.threads} threads`;
  const svg = barChartSvg({ title, subtitle, unit: 'tokens/s', bars });
  writeFileSync(fileURLToPath(new URL(`charts/${options.chart}.svg`, import.meta.url)), svg);
}

/** Figures that only our own runs give. */
function ownFigures(runs: readonly ContestResult[]): Record<string, string> {
  const fractions = runs.flatMap(({ fraction }) => fraction ?? []);
  const first = runs.flatMap(({ firstToken }) => firstToken ?? []);
  if (fractions.length === 0 || first.length === 0) return {};
  return {
    fraction_of_limit: three(fractions, 3).replaceAll(' ', ''),
    first_token_s: median(first.map(({ seconds }) => seconds)).toFixed(2),
    sweep_s: median(first.map(({ sweepSeconds }) => sweepSeconds)).toFixed(2),
  };
}

await new Command('bench:peers')
  .argument('<model>')
  .requiredOption('-m, --memory-budget <size>', 'budget, and limit of the cgroup', parseBytes)
  .option('--rounds <n>', 'rounds', positiveNumber, 3)
  .option('--tokens <n>', 'tokens to decode', positiveNumber, 8)
  .option('--prompt-tokens <n>', 'tokens of the prompt', positiveNumber, 128)
  .option('--threads <n>', 'threads of everybody', positiveNumber, availableParallelism())
  .option('--no-ram', 'leave out the runs with all weights in memory')
  .option('--chart <name>', 'draw bench/charts/<name>.svg')
  .action(async (path: string, options: Options) => report(path, options, await compete(path, options)))
  .parseAsync();
