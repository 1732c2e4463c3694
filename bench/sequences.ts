/**
 * Texts at once through a mixture whose experts are read one by one: tsx bench/sequences.ts MODEL -m 4G. Their tokens a
 * second are held against those of one text alone, and against what a replay of the routes of all texts, each recorded
 * alone, through one cache allows. Appends to results.tsv.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { at } from '../src/base/at.ts';
import { formatBytes } from '../src/base/bytes.ts';
import { median } from '../src/base/median.ts';
import { Model } from '../src/index.ts';
import { expertLength } from '../src/plan/routed-banks.ts';
import { missedBytes, promptAtBest, secondsAtBest } from './expert-trace.ts';
import { withIoThreads } from './io-threads.ts';
import { type AnswerPass, ObservedAnswers } from './observed-answers.ts';
import { type MeasureOptions, mixtureCommand, positiveNumber } from './options.ts';
import { replayTogether, type TextRoutes } from './replay-routes.ts';
import { appendResult } from './results.ts';

interface Options extends MeasureOptions {
  readonly sequences: number;
  readonly tokens: number;
  readonly promptTokens: number;
}

async function answer(model: Model, prompt: readonly number[], tokens: number): Promise<void> {
  for await (const _ of model.generate(prompt, { maxTokens: tokens, temperature: 0, ignoreEnd: true }));
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

/** Answers all texts one by one, then together. */
async function figures(
  model: Model,
  { sequences, tokens, promptTokens, text }: Options,
): Promise<Record<string, number>> {
  await using observed = await ObservedAnswers.of(model);
  const { pools } = observed;
  const all = model.tokenize(readFileSync(text, 'utf8'), Number.POSITIVE_INFINITY);
  const prompts = Array.from({ length: sequences }, (_, i) => {
    const from = Math.floor((i * all.length) / sequences);
    return all.slice(from, from + promptTokens);
  });
  const alone: AnswerPass[] = [];
  const texts: TextRoutes[] = [];
  for (const prompt of prompts) {
    await answer(model, prompt, tokens);
    const passes = observed.take();
    alone.push(...passes);
    texts.push(passes.map(({ routes }) => routes));
  }
  await model.forget();
  await Promise.all(prompts.map((prompt) => answer(model, prompt, tokens)));
  const together = observed.take().filter((pass) => pass.texts === sequences);

  const pairs = 2 * (model.plan().batch + sequences);
  const caches = pools.map(({ cache: { experts, slots } }) => ({ experts, slots, pairs }));
  const bytes = pools.map(({ homes }) => sum(homes.map(({ matrix }) => expertLength(matrix.weight))));
  // Misses of the replay; all else is that of the passes that took all texts on.
  const replayed = replayTogether(texts, caches).map((misses, i): AnswerPass => {
    const pass = at(together, Math.min(i, together.length - 1));
    const layers = pass.layers.map((layer, k) => ({ ...layer, missedBytes: at(misses, k) * at(bytes, k) }));
    return { ...pass, layers };
  });

  const middle = (passes: readonly AnswerPass[], of: (pass: AnswerPass) => number): number => median(passes.map(of));
  const seconds = ({ seconds, between }: AnswerPass): number => seconds + between;
  const [pass, one] = [middle(together, seconds), middle(alone, seconds)];
  const ms = (passes: readonly AnswerPass[], of: (pass: AnswerPass) => number): number =>
    rounded(1000 * middle(passes, of), 1);
  return {
    slots: Math.max(...pools.map(({ cache }) => cache.slots)),
    tokens_per_s: rounded(sequences / pass, 3),
    one_tokens_per_s: rounded(1 / one, 3),
    by_one: rounded((sequences * one) / pass, 2),
    by_replay: rounded(middle(replayed, (held) => secondsAtBest(held, held.rate)) / pass, 3),
    by_replay_side_by_side: rounded(middle(replayed, (held) => promptAtBest(held, held.rate)) / pass, 3),
    pass_ms: ms(together, (held) => held.seconds),
    compute_ms: ms(together, ({ compute }) => compute),
    waited_ms: ms(together, ({ waited }) => waited),
    between_ms: ms(together, ({ between }) => between),
    missed_mb: rounded(middle(together, missedBytes) / 1e6, 0),
    replay_missed_mb: rounded(middle(replayed, missedBytes) / 1e6, 0),
    rate_mb_s: rounded(middle(together, ({ rate }) => rate) / 1e6, 0),
    one_compute_ms: ms(alone, ({ compute }) => compute),
    one_waited_ms: ms(alone, ({ waited }) => waited),
    one_missed_mb: rounded(middle(alone, missedBytes) / 1e6, 0),
  };
}

const command = mixtureCommand('sequences')
  .option('--sequences <n>', 'texts at once', positiveNumber, 8)
  .option('--tokens <n>', 'tokens of each answer', positiveNumber, 20)
  .option('--prompt-tokens <n>', 'tokens of each prompt', positiveNumber, 16)
  .action(async (path: string, options: Options) => {
    const { memoryBudget, expertCache, threads, sequences, tokens, promptTokens, verdict } = options;
    await withIoThreads(async (ioThreads) => {
      const context = promptTokens + tokens + 8;
      await using model = Model.open(path, {
        memoryBudget,
        expertCache,
        threads,
        ioThreads,
        context,
        parallel: sequences,
      });
      appendResult({
        experiment: `${sequences} texts at once, ${tokens} tokens each after ${promptTokens}`,
        model: basename(path),
        budget: formatBytes(memoryBudget),
        figures: await figures(model, options),
        ...(verdict !== undefined && { verdict }),
      });
    });
  });
await command.parseAsync();
