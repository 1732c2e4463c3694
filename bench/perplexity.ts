/**
 * The quality of a model's predictions by the part of the text that it keeps: npx tsx bench/perplexity.ts MODEL TEXT --sliding-window
 * 1024 --tokens 20000. Perplexity of all tokens, and of those between some edges, so that full attention and windows
 * can be compared on the same ones. Appends to results.tsv.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Command, Option } from 'commander';
import { formatBytes } from '../src/base/bytes.ts';
import { parseBytes } from '../src/base/size.ts';
import { Model } from '../src/model/model.ts';
import { type KvOptions, type KvType, kvTypes } from '../src/plan/kv-options.ts';
import type { Runtime } from '../src/runtime/runtime.ts';
import { scratchState } from '../src/state/cache-pool.ts';
import { positiveNumber } from './options.ts';
import { appendResult } from './results.ts';

interface Options {
  memoryBudget: number;
  kvType: KvType;
  slidingWindow?: number;
  sinkTokens: number;
  ctx?: number;
  tokens: number;
  chunk: number;
}

interface Foretold {
  /** -ln of the probability of each token but the first, given those before. */
  readonly losses: readonly number[];
  /** Seconds of computing logits. */
  readonly seconds: number;
}

/** Tokens of the text at which the perplexity of what comes next is told apart. */
const edges = [1024, 2048, 8192];

/** -ln of the probability that `logits` give to `token`. */
function loss(logits: Float32Array, token: number): number {
  const most = logits.reduce((a, b) => Math.max(a, b));
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - most), 0);
  return most + Math.log(sum) - (logits[token] ?? Number.NaN);
}

/** Takes the text through the model, `chunk` tokens in a pass. */
async function foretell(runtime: Runtime, text: readonly number[], chunk: number): Promise<Foretold> {
  const state = scratchState(runtime.caches);
  const losses: number[] = [];
  let seconds = 0;
  for (let start = 0; start < text.length - 1; start += chunk) {
    const tokens = text.slice(start, Math.min(start + chunk, text.length - 1));
    const began = performance.now();
    const logits = await runtime.run([{ state, start, tokens, logits: 'all' }]);
    seconds += (performance.now() - began) / 1000;
    const size = logits.length / tokens.length;
    for (const i of tokens.keys()) {
      losses.push(loss(logits.subarray(i * size, (i + 1) * size), text[start + i + 1] ?? 0));
    }
  }
  return { losses, seconds };
}

const perplexity = (losses: readonly number[]): string =>
  Math.exp(losses.reduce((a, b) => a + b, 0) / losses.length).toFixed(3);

/** The perplexity by range of tokens [from, to). */
function byRange(losses: readonly number[]): Record<string, string> {
  const starts = [0, ...edges].filter((from) => from <= losses.length);
  // The first token of a text is not foretold.
  const ranges = starts.map(
    (from, i) => [from, Math.min(edges[i] ?? Number.POSITIVE_INFINITY, losses.length + 1)] as const,
  );
  return Object.fromEntries(
    ranges.map(([from, to]) => [`ppl_${from}_${to}`, perplexity(losses.slice(Math.max(0, from - 1), to - 1))]),
  );
}

const kvOf = ({ kvType: type, slidingWindow: tokens, sinkTokens: sinks }: Options): KvOptions =>
  tokens === undefined ? { type } : { type, window: { tokens, sinks } };

const describe = (options: Options): string => {
  const { ctx, kvType } = options;
  const { window } = kvOf(options);
  const seen = window
    ? `window ${window.tokens} + ${window.sinks} sinks`
    : `full attention${ctx ? `, context ${ctx}` : ''}`;
  return kvType === 'f16' ? seen : `${seen}, ${kvType}`;
};

async function main(path: string, file: string, options: Options): Promise<void> {
  const { memoryBudget, ctx, chunk, tokens } = options;
  await using model = Model.open(path, { memoryBudget, context: ctx, kv: kvOf(options) });
  const { context } = await model.load(model.plan(ctx, { prompt: tokens, answer: 0 }));
  const text = model.tokenize(readFileSync(file, 'utf8')).slice(0, Math.min(tokens, context));
  const { losses, seconds } = await model.measure((runtime) =>
    foretell(runtime, text, Math.min(chunk, runtime.limits.batch)),
  );
  appendResult({
    experiment: `perplexity of ${basename(file)}, ${describe(options)}`,
    model: basename(path),
    budget: formatBytes(memoryBudget),
    figures: {
      tokens: text.length,
      ppl: perplexity(losses),
      ...byRange(losses),
      tokens_per_s: (losses.length / seconds).toFixed(0),
    },
  });
}

await new Command('perplexity')
  .argument('<model>')
  .argument('<text>', 'a file of plain text')
  .option('-m, --memory-budget <size>', 'memory for everything', parseBytes, 2 ** 30)
  .option('-c, --ctx <tokens>', 'context length', positiveNumber)
  .addOption(new Option('--kv-type <type>', 'what keys and values are stored as').choices(kvTypes).default('f16'))
  .option('--sliding-window <tokens>', 'see and keep only the last tokens', positiveNumber)
  .option('--sink-tokens <n>', 'the first tokens of the text, kept beside the window', Number, 4)
  .option('--tokens <n>', 'the first tokens of the text', positiveNumber, 8192)
  .option('--chunk <n>', 'tokens of a pass', positiveNumber, 64)
  .action(main)
  .parseAsync();
