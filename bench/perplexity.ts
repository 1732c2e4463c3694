/**
 * How well a model foretells a text with what it keeps of it: npx tsx bench/perplexity.ts MODEL TEXT --sliding-window
 * 1024 --tokens 20000. Perplexity of all tokens, and of those between some edges, so that full attention and windows can
 * be compared on the same ones. Appends to results.tsv.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Command } from 'commander';
import { formatBytes } from '../src/base/bytes.ts';
import { parseBytes } from '../src/base/size.ts';
import { type KvFlags, kvOf, kvOptions } from '../src/cli/kv-options.ts';
import { contextOption, dropAuto } from '../src/cli/options.ts';
import { Model } from '../src/engine/model.ts';
import type { Runtime } from '../src/engine/runtime.ts';
import { scratch } from '../src/engine/slots.ts';
import { positive } from './options.ts';
import { appendResult } from './results.ts';

interface Options extends KvFlags {
  memoryBudget: number;
  ctx?: number;
  tokens: number;
  chunk: number;
}

interface Foretold {
  /** -ln of the probability of each token but the first, given those before. */
  readonly losses: readonly number[];
  /** Of computing logits. */
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
  const kv = scratch(runtime.slots);
  const losses: number[] = [];
  let seconds = 0;
  for (let start = 0; start < text.length - 1; start += chunk) {
    const tokens = text.slice(start, Math.min(start + chunk, text.length - 1));
    const began = performance.now();
    const logits = await runtime.run([{ kv, start, tokens, logits: 'all' }]);
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

/** By range of tokens [from, to): the perplexity of those that were foretold. */
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

const describe = ({ kvType, ctx, ...options }: Options): string => {
  const { window } = kvOf({ kvType, ...options });
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
  const { losses, seconds } = await model.exclusively((runtime) =>
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

const program = new Command('perplexity')
  .argument('<model>')
  .argument('<text>', 'a file of plain text')
  .hook('preAction', dropAuto)
  .option('-m, --memory-budget <size>', 'memory for everything', parseBytes, 2 ** 30)
  .addOption(contextOption())
  .option('--tokens <n>', 'the first tokens of the text', positive, 8192)
  .option('--chunk <n>', 'tokens of a pass', positive, 64);
for (const option of kvOptions()) program.addOption(option);
await program.action(main).parseAsync();
