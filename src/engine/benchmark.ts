import { median } from '../base/median.ts';
import { PassTimes } from '../plan/pass-times.ts';
import type { Plan } from '../plan/plan.ts';
import type { Generation } from './generation.ts';
import type { Model } from './model.ts';
import type { GenerateOptions } from './model-options.ts';
import { scratch } from './slots.ts';
import type { GenerationStats } from './stats.ts';

/** What opening a model and asking it for one token took, in a process whose libraries were loaded already. */
export interface FirstToken {
  /** From before the model was opened. */
  readonly seconds: number;
  /** What had to be read: all weights once, resident or streamed, but of the embedding one row. */
  readonly sweep_bytes: number;
  /** What was read, with the borders of pages and ahead of the next pass. */
  readonly bytes_read: number;
}

/** What came of one round: the generation in the middle, and the limits that it is held against. */
export interface Round {
  /** Reading what the passes stream while nothing computes; null if nothing streams. */
  readonly reading: { readonly seconds: number; readonly bytes: number } | null;
  readonly prefill: GenerationStats['prefill'] & { readonly ttft_ms: number };
  readonly decode: GenerationStats['decode'];
  readonly speculation: GenerationStats['speculation'];
  /** Seconds that computing one of these passes takes on average while nothing is read. */
  readonly computing_s: number;
  readonly memory: GenerationStats['memory'];
}

/** The prompt of a round, the first being 1; as long in each. */
export type PromptOf = (round: number) => readonly number[];

export interface BenchmarkOptions {
  readonly promptOf: PromptOf;
  /** Tokens decoded after each prompt. */
  readonly tokens: number;
  readonly rounds: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: BenchmarkProgress) => void) | undefined;
}

export interface BenchmarkProgress {
  /** From 1 on. */
  readonly round: number;
  readonly doing: 'reading alone' | 'prefill' | 'decoding' | 'computing alone';
  readonly done: number;
  readonly total: number;
}

type Tell = (doing: BenchmarkProgress['doing'], done: number, total: number) => void;

const greedy = { temperature: 0, ignoreEnd: true } as const;
/** Milliseconds that reading alone takes at least: a pass over few weights is over in no time. */
const readingTime = 300;
/** Passes of computing alone of one length whose median counts, after one that does not: its graph is new. */
const computingPasses = 3;

/**
 * Asks for one token, which loads what `plan` keeps resident on the way. `began` is the `performance.now()` from before
 * the model was opened.
 */
export async function firstToken(
  model: Model,
  plan: Plan,
  options: { readonly began: number } & Pick<GenerateOptions, 'signal' | 'onPrompt'>,
): Promise<FirstToken> {
  const { began, ...others } = options;
  const generation = model.generate(madeUp(model, 1)(0), { ...greedy, maxTokens: 1, plan, ...others });
  for await (const _ of generation);
  const ended = performance.now();
  const sweep = plan.slices.reduce((sum, { extent }) => sum + extent.length, 0);
  return {
    seconds: (ended - began) / 1000,
    sweep_bytes: sweep,
    bytes_read: statsOf(generation, others.signal).io.bytes_read,
  };
}

/**
 * Measures a model from which a token has been asked already. In each round, so that what else the machine does hits
 * all alike: a prompt, of which nothing is there from before, and decoding, as any generation; right after that reading
 * alone, through the source that the passes lease from: what else the device does changes within seconds; computing
 * passes alone, on weights as they lie in memory, which where they stream are those that the ring happens to hold.
 * Rejects with the errors of a generation, or the signal's reason.
 */
export async function benchmark(model: Model, options: BenchmarkOptions): Promise<readonly Round[]> {
  const { promptOf, tokens, signal } = options;
  await model.load(undefined, { signal });
  const rounds: Round[] = [];
  for (let round = 1; round <= options.rounds; round += 1) {
    const tell: Tell = (doing, done, total) => options.onProgress?.({ round, doing, done, total });
    const prompt = promptOf(round);
    const { lengths, ...generated } = await generate(model, prompt, { tokens, signal }, tell);
    const reading = await readAlone(model, signal, tell);
    // In the middle of what was decoded.
    const start = prompt.length + ((tokens - Math.max(...lengths)) >> 1);
    const computing_s = await computeAlone(model, { start, lengths, signal }, tell);
    rounds.push({ reading, ...generated, computing_s });
  }
  return rounds;
}

/** Valid tokens without a meaning: others in each round. */
export function madeUp(model: Model, tokens: number): PromptOf {
  const some = Math.min(model.outline.config.vocabulary, 1000);
  return (round) => Array.from({ length: tokens }, (_, i) => (7 * i + 13 * round + 11) % some);
}

/** The statistics of a generation that has ended; if it was aborted, throws the signal's reason. */
function statsOf({ stats }: Generation, signal: AbortSignal | undefined): GenerationStats {
  signal?.throwIfAborted();
  if (!stats) throw new Error('the generation has not ended');
  return stats;
}

const readAlone = (model: Model, signal: AbortSignal | undefined, tell: Tell): Promise<Round['reading']> =>
  model.exclusively(async ({ source: weights, kvSource, reader }) => {
    // Where weights stream, all reads together are as fast as those are; keys and values are fewer.
    const source = weights.length > 0 ? weights : kvSource;
    const slices = source.length;
    if (slices === 0) return null;
    await Promise.all([weights.settled(), kvSource.settled()]);
    const [began, before] = [performance.now(), reader.bytesRead];
    // Whole passes: the next lease is to be the first of one.
    do {
      for (let i = 0; i < slices; i += 1) {
        signal?.throwIfAborted();
        using _lease = await source.lease(1);
        tell('reading alone', i, slices);
      }
    } while (performance.now() - began < readingTime);
    return { seconds: (performance.now() - began) / 1000, bytes: reader.bytesRead - before };
  });

/** Also returns how many tokens each of the passes had that decoded, in any order. */
async function generate(
  model: Model,
  prompt: readonly number[],
  { tokens, signal }: Pick<BenchmarkOptions, 'tokens' | 'signal'>,
  tell: Tell,
): Promise<Omit<Round, 'reading' | 'computing_s'> & { readonly lengths: readonly number[] }> {
  // A prompt that was there already would not be computed again.
  await model.forget();
  const generation = model.generate(prompt, {
    ...greedy,
    // The first token comes of the prompt.
    maxTokens: tokens + 1,
    signal,
    onPrompt: ({ tokens: done, total }) => tell('prefill', Math.floor(done), total),
  });
  const guessing: number[] = [];
  let before = model.tally().sums.drafted;
  for await (const _ of generation) {
    tell('decoding', generation.tokens.length - 1, tokens);
    // What comes of one pass comes before the next has ended.
    const { drafted } = model.tally().sums;
    if (drafted > before) guessing.push(1 + drafted - before);
    before = drafted;
  }
  const { prefill, ttft_ms, decode, speculation, memory } = statsOf(generation, signal);
  const lengths = Array.from({ length: speculation.passes }, (_, i) => guessing[i] ?? 1);
  return { prefill: { ...prefill, ttft_ms }, decode, speculation, memory, lengths };
}

/** Seconds that a pass takes on average, of `lengths`: the shortest, the longest and one between them are measured. */
const computeAlone = (
  model: Model,
  { start, lengths, signal }: { start: number; lengths: readonly number[]; signal: AbortSignal | undefined },
  tell: Tell,
): Promise<number> =>
  model.exclusively(async (runtime) => {
    const { slots, source, forward } = runtime;
    const kv = scratch(slots);
    await source.settled();
    const different = [...new Set(lengths)].sort((a, b) => a - b);
    const measured = new Set([0, different.length >> 1, different.length - 1].map((i) => different[i] ?? 1));
    const times = new PassTimes();
    let done = 0;
    for (const length of measured) {
      const span = { kv, start, tokens: madeUp(model, length)(0), logits: 'all' } as const;
      const seconds: number[] = [];
      for (let pass = 0; pass <= computingPasses; pass += 1) {
        tell('computing alone', done++, measured.size * (computingPasses + 1));
        const before = forward.computeSeconds;
        await runtime.run([span], { still: true, signal });
        seconds.push(forward.computeSeconds - before);
      }
      times.measured(length, median(seconds.slice(1)));
    }
    return lengths.reduce((sum, length) => sum + times.seconds(length), 0) / lengths.length;
  });
