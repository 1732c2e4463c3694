/**
 * The cost of a grammar for a token: answers within a JSON schema and without one, in alternating pairs.
 * tsx bench/masked-token.ts MODEL --memory-budget 700M
 */
import { Command } from 'commander';
import { median } from '../src/base/median.ts';
import { parseBytes } from '../src/base/size.ts';
import { type GrammarSource, Model } from '../src/index.ts';
import { positiveNumber } from './options.ts';

interface Options {
  readonly memoryBudget: string;
  readonly pairs: number;
  readonly tokens: number;
}

const context = 512;

/** An answer that has not ended when it is measured. */
const place = {
  type: 'object',
  properties: {
    name: { type: 'string', minLength: 3 },
    kind: { enum: ['harbour', 'quay', 'pier', 'anchorage'] },
    depths: { type: 'array', items: { type: 'number' }, maxItems: 4 },
    notes: { type: ['string', 'null'] },
  },
  required: ['name', 'kind', 'depths'],
};
const grammar: GrammarSource = { kind: 'schema', schema: { type: 'array', items: place, minItems: 100 } };

async function measure(path: string, { memoryBudget, pairs, tokens }: Options): Promise<void> {
  await using model = Model.open(path, { context, memoryBudget: parseBytes(memoryBudget) });
  const prompt = model.tokenize('Some places at the sea:');

  /** Milliseconds of each token after the first, and CPU time of the process for one. */
  const answer = async (within: GrammarSource | undefined): Promise<readonly [wall: number, cpu: number]> => {
    await model.forget();
    const ends: number[] = [];
    let cpu = process.cpuUsage();
    const options = { maxTokens: tokens + 1, ignoreEnd: true, seed: 1, ...(within && { grammar: within }) };
    for await (const _ of model.generate(prompt, options)) {
      if (ends.length === 0) cpu = process.cpuUsage();
      ends.push(performance.now());
    }
    const { user, system } = process.cpuUsage(cpu);
    const times = ends.slice(1).map((end, i) => end - (ends[i] ?? end));
    return [median(times), (user + system) / 1000 / times.length];
  };
  await answer(grammar);
  for (let pair = 0; pair < pairs; pair += 1) {
    const [a, b] = pair % 2 === 0 ? [undefined, grammar] : [grammar, undefined];
    const [first, second] = [await answer(a), await answer(b)];
    const [free, masked] = a === undefined ? [first, second] : [second, first];
    const said = (i: 0 | 1): string =>
      `${free[i].toFixed(1)} ms, masked ${masked[i].toFixed(1)}, ${(masked[i] / free[i]).toFixed(3)}`;
    process.stdout.write(`wall ${said(0)}; cpu ${said(1)}\n`);
  }
}

await new Command('masked-token')
  .argument('<model>')
  .requiredOption('--memory-budget <size>')
  .option('--pairs <n>', 'pairs of answers', positiveNumber, 4)
  .option('--tokens <n>', 'tokens of an answer', positiveNumber, 24)
  .action(measure)
  .parseAsync();
