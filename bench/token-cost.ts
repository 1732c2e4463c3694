/**
 * Compares a token of ours with libllama's own, everything in RAM, in one process, by alternating blocks of tokens:
 * npm run bench:token -- MODEL. Theirs is llama_decode and the same sampler chain.
 */
import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { median } from '../src/base/median.ts';
import { Model } from '../src/index.ts';
import { LogitsChain } from '../src/sample/logits-chain.ts';
import { Libllama } from './libllama.ts';
import { positiveNumber } from './options.ts';

interface Options {
  blocks: number;
  tokens: number;
  threads: number;
}

const context = 512;

async function compare(path: string, { blocks, tokens, threads }: Options): Promise<void> {
  await using model = Model.open(path, { context, threads });
  const prompt = model.tokenize('The sea is');
  using theirs = new Libllama(path, { context, threads, repack: true });
  using chain = new LogitsChain(theirs.vocabulary, { temperature: 0 });

  /** Milliseconds of each token after the first. */
  const ours = async (): Promise<readonly number[]> => {
    await model.forget();
    const ends: number[] = [];
    const options = { maxTokens: tokens + 1, temperature: 0, ignoreEnd: true };
    for await (const _ of model.generate(prompt, options)) ends.push(performance.now());
    return ends.slice(1).map((end, i) => end - (ends[i] ?? end));
  };
  const libllama = (): readonly number[] => {
    theirs.forget();
    let logits = theirs.decode(prompt, 'last');
    const text = [...prompt];
    return Array.from({ length: tokens }, () => {
      const [row] = logits;
      if (!row) throw new Error('libllama gave no logits');
      text.push(chain.distribution(row, text).tokens[0] ?? 0);
      const begin = performance.now();
      logits = theirs.decode(text.slice(-1), 'last');
      chain.distribution(logits[0] ?? row, text);
      return performance.now() - begin;
    });
  };
  await ours();
  libllama();
  const times = { ours: [] as number[], theirs: [] as number[], ratio: [] as number[] };
  for (let block = 0; block < blocks; block += 1) {
    const [a, b] = [median(await ours()), median(libllama())];
    times.ours.push(a);
    times.theirs.push(b);
    times.ratio.push(a / b);
  }
  const ms = (values: readonly number[]): string => median(values).toFixed(2);
  process.stdout.write(`ours ${ms(times.ours)} ms, libllama ${ms(times.theirs)} ms, ratio ${ms(times.ratio)}\n`);
}

await new Command('bench:token')
  .argument('<model>')
  .option('--blocks <n>', 'blocks of tokens of each', positiveNumber, 24)
  .option('--tokens <n>', 'tokens of a block', positiveNumber, 24)
  .option('--threads <n>', 'threads of both', positiveNumber, availableParallelism())
  .action(compare)
  .parseAsync();
