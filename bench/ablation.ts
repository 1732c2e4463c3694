/**
 * The worth of the choice of resident weights: npm run bench:ablation -- MODEL. For some budgets, decoding with the
 * resident set spread evenly, with the first layers pinned, and with the set that LRU would keep; alternating, medians
 * of rounds.
 */
import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { formatBytes } from '../src/base/bytes.ts';
import { median } from '../src/base/median.ts';
import { parseBytes } from '../src/base/size.ts';
import { Model } from '../src/model/model.ts';
import { withIoThreads } from './io-threads.ts';
import { lineChartSvg } from './line-chart.ts';
import { positiveNumber } from './options.ts';
import { residencies } from './residencies.ts';
import { appendResult } from './results.ts';

interface Options {
  budgets: string;
  tokens: number;
  rounds: number;
  chart?: string;
}

interface Measured {
  readonly perSecond: number;
  readonly stall: number;
  readonly bytes: number;
}

/**
 * Decodes with the resident set that `name` chooses: tokens per second, seconds of waiting and bytes read per token.
 */
async function measure(
  path: string,
  name: string,
  { budget, tokens, ioThreads }: { budget: number; tokens: number; ioThreads: number },
): Promise<Measured> {
  await using model = Model.open(path, { memoryBudget: budget, context: 256, ioThreads, residency: residencies[name] });
  await model.load();
  const generation = model.generate([1], { temperature: 0, ignoreEnd: true, maxTokens: tokens + 1 });
  for await (const _ of generation);
  const decode = generation.stats?.decode;
  if (!decode) throw new Error('nothing was decoded');
  return { perSecond: decode.tokens_per_s, stall: decode.stall_s / decode.tokens, bytes: decode.bytes_per_token };
}

async function ablate(path: string, ioThreads: number, { budgets, tokens, rounds, chart }: Options): Promise<void> {
  const sizes = budgets.split(',').map(parseBytes);
  const names = Object.keys(residencies);
  const series = names.map((name) => ({ name, points: [] as [number, number][] }));
  process.stdout.write(
    '| budget | resident set | tokens/s | waiting, s per token | read per token |\n|---|---|---|---|---|\n',
  );
  for (const budget of sizes) {
    const runs = new Map<string, Measured[]>(names.map((name) => [name, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const [name, list] of runs) list.push(await measure(path, name, { budget, tokens, ioThreads }));
    }
    for (const [i, [name, list]] of [...runs].entries()) {
      const perSecond = median(list.map((run) => run.perSecond));
      const stall = median(list.map((run) => run.stall));
      const bytes = median(list.map((run) => run.bytes));
      series[i]?.points.push([budget / 2 ** 30, perSecond]);
      process.stdout.write(
        `| ${formatBytes(budget)} | ${name} | ${perSecond.toFixed(2)} | ${stall.toFixed(2)} | ${formatBytes(bytes)} |\n`,
      );
      appendResult(
        {
          experiment: `ablation: ${name}`,
          model: basename(path),
          budget: formatBytes(budget),
          figures: {
            tokens_per_s: perSecond.toFixed(3),
            stall_s: stall.toFixed(3),
            bytes_per_token: Math.round(bytes),
          },
        },
        { silent: true },
      );
    }
  }
  if (!chart) return;
  const subtitle = `decoding ${basename(path, '.gguf')}, medians of ${rounds}`;
  const axes = { x: { label: 'memory budget, GiB' }, y: { label: 'tokens per second' } };
  const svg = lineChartSvg({ title: 'Which weights stay resident', subtitle, ...axes, series });
  writeFileSync(fileURLToPath(new URL(`charts/${chart}.svg`, import.meta.url)), svg);
}

await new Command('bench:ablation')
  .argument('<model>')
  .option('--budgets <sizes>', 'budgets, with commas', '0.8G,1.2G,1.6G,2.4G,3.2G')
  .option('--tokens <n>', 'tokens to decode in a run', positiveNumber, 6)
  .option('--rounds <n>', 'rounds', positiveNumber, 3)
  .option('--chart <name>', 'draw bench/charts/<name>.svg')
  .action((path: string, options: Options) => withIoThreads((ioThreads) => ablate(path, ioThreads, options)))
  .parseAsync();
