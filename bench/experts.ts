/**
 * Where the time of a mixture goes whose experts are read one by one, held against what reading and computing allow, by
 * the run's own trace: tsx bench/experts.ts MODEL -m 4G. A prompt, and the tokens after it; between them experts are
 * read alone, since the device's other work changes within seconds. Appends to results.tsv.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { formatBytes } from '../src/base/bytes.ts';
import { median } from '../src/base/median.ts';
import { Model } from '../src/index.ts';
import { ExpertPool } from '../src/pager/expert-pool.ts';
import { scratchState } from '../src/state/cache-pool.ts';
import { type ExpertPass, ExpertTrace, missedBytes, promptAtBest, secondsAtBest } from './expert-trace.ts';
import { greedyToken } from './greedy-token.ts';
import { withIoThreads } from './io-threads.ts';
import { type MeasureOptions, mixtureCommand, positiveNumber } from './options.ts';
import { ReadingAlone } from './reading-alone.ts';
import { appendResult } from './results.ts';

interface Options extends MeasureOptions {
  readonly tokens: number;
  readonly promptTokens: number;
}

/** A pass, the seconds in which reads were under way, and the bytes a second at which experts were read alone next to it. */
interface Held extends ExpertPass {
  readonly reading: number;
  readonly rate: number;
}

/** A prompt and the tokens after it, each the likeliest one. */
const measure = (model: Model, prompt: readonly number[], tokens: number): Promise<{ prefill: Held; decode: Held[] }> =>
  model.measure(async (runtime) => {
    const pools = runtime.pager.experts.filter((pool) => pool instanceof ExpertPool);
    if (pools.length === 0) throw new Error('all experts are resident');
    await runtime.load();
    await using alone = new ReadingAlone(pools, model.outline.file.files);
    const trace = new ExpertTrace(pools);
    const state = scratchState(runtime.caches);
    let start = 0;
    let logits: Float32Array = new Float32Array();
    const pass = async (next: readonly number[]): Promise<Held> => {
      const before = await alone.rate();
      const [began, read] = [performance.now(), runtime.reader.busySeconds];
      logits = await runtime.run([{ state, start, tokens: next, logits: 'last' }], { trace: trace.onStep });
      const held = trace.take((performance.now() - began) / 1000);
      const reading = runtime.reader.busySeconds - read;
      start += next.length;
      return { ...held, reading, rate: (before + (await alone.rate())) / 2 };
    };
    const prefill = await pass(prompt);
    const decode: Held[] = [];
    for (let i = 0; i < tokens; i += 1) decode.push(await pass([greedyToken(logits)]));
    return { prefill, decode };
  });

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

/** A token that waits for reading: that takes at least so many times as long as computing. */
const missBound = 4;

function figures({ prefill, decode }: { prefill: Held; decode: readonly Held[] }): Record<string, number> {
  const middle = (of: (pass: Held) => number, passes = decode): number => median(passes.map(of));
  const missing = decode.filter((pass) => missedBytes(pass) > 0);
  const bound = decode.filter((pass) => missedBytes(pass) / pass.rate >= missBound * pass.compute);
  const sum = (of: (layer: Held['layers'][number]) => number): number =>
    decode.reduce((all, { layers }) => all + layers.reduce((total, layer) => total + of(layer), 0), 0);
  return {
    token_ms: rounded(1000 * middle(({ seconds }) => seconds), 1),
    compute_ms: rounded(1000 * middle(({ compute }) => compute), 1),
    waited_ms: rounded(1000 * middle(({ waited }) => waited), 1),
    hits: rounded(sum(({ hits }) => hits) / sum(({ asked }) => asked), 3),
    missed_mb: rounded(middle(missedBytes) / 1e6, 1),
    rate_mb_s: rounded(middle(({ rate }) => rate) / 1e6, 0),
    reading_by_alone: rounded(
      middle((pass) => missedBytes(pass) / pass.reading / pass.rate, missing),
      3,
    ),
    token_by_best: rounded(
      middle((pass) => pass.seconds / secondsAtBest(pass, pass.rate)),
      3,
    ),
    ...(bound.length > 0 && {
      bound_tokens: bound.length,
      bound_rate: rounded(
        middle((pass) => missedBytes(pass) / pass.seconds / pass.rate, bound),
        3,
      ),
    }),
    prefill_s: rounded(prefill.seconds, 2),
    prefill_compute_s: rounded(prefill.compute, 2),
    prefill_waited_s: rounded(prefill.waited, 2),
    prefill_missed_mb: rounded(missedBytes(prefill) / 1e6, 0),
    prefill_by_best: rounded(prefill.seconds / promptAtBest(prefill, prefill.rate), 3),
  };
}

const command = mixtureCommand('experts')
  .option('--tokens <n>', 'tokens to decode', positiveNumber, 24)
  .option('--prompt-tokens <n>', 'tokens of the prompt', positiveNumber, 512)
  .action(async (path: string, options: Options) => {
    const { memoryBudget, expertCache, threads, tokens, promptTokens, verdict } = options;
    await withIoThreads(async (ioThreads) => {
      const open = { memoryBudget, expertCache, threads, ioThreads, context: promptTokens + tokens + 8 };
      await using model = Model.open(path, open);
      const prompt = model
        .tokenize(readFileSync(options.text, 'utf8'), Number.POSITIVE_INFINITY)
        .slice(0, promptTokens);
      const measured = await measure(model, prompt, tokens);
      appendResult({
        experiment: `experts: ${tokens} tokens after ${promptTokens}`,
        model: basename(path),
        budget: formatBytes(memoryBudget),
        figures: { slots: model.plan().experts?.slots ?? 0, ...figures(measured) },
        ...(verdict !== undefined && { verdict }),
      });
    });
  });
await command.parseAsync();
