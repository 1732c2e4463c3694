import { at } from '../base/at.ts';
import { median } from '../base/median.ts';
import type { Generation } from '../engine/generation.ts';
import type { GenerationStats } from '../engine/generation-stats.ts';
import { PassTimes } from '../engine/pass-times.ts';
import { atLeastAsSeen, decodeLimit } from '../plan/decode-limit.ts';
import type { Plan } from '../plan/plan.ts';
import { scratchState } from '../state/cache-pool.ts';
import { type EngineStatus, engineStatus } from './engine-status.ts';
import type { Model } from './model.ts';
import type { GenerateOptions } from './model-options.ts';

/** The cost of opening a model and asking it for one token, in a process whose libraries were loaded already. */
export interface FirstToken {
  /** Seconds from before the model was opened. */
  readonly seconds: number;
  /** Bytes that had to be read: all weights once, but of the embedding one row, and of experts that have slots those used. */
  readonly sweep_bytes: number;
  /** Bytes that were read, with the borders of pages and ahead of the next pass. */
  readonly bytes_read: number;
}

/** The results of one round: a generation, and the limits that it is held against. */
export interface BenchmarkRound {
  /** Reading the passes' streamed weights while nothing computes; null if nothing streams. */
  readonly reading: { readonly seconds: number; readonly bytes: number } | null;
  readonly prefill: GenerationStats['prefill'] & { readonly ttft_ms: number };
  readonly decode: GenerationStats['decode'];
  readonly speculation: GenerationStats['speculation'];
  readonly experts: GenerationStats['experts'];
  /** Seconds that computing one of these passes takes on average while nothing is read. */
  readonly computing_s: number;
  /** Seconds that decoding would take at least, if reading and computing were each as fast as alone: see `decodeLimit`. */
  readonly limit_s: number;
  readonly memory: GenerationStats['memory'];
}

/** The prompt of a round, the first round being 1; all prompts are equally long. */
export type RoundPrompt = (round: number) => readonly number[];

export interface BenchmarkOptions {
  readonly promptOf: RoundPrompt;
  /** Tokens decoded after each prompt. */
  readonly tokens: number;
  readonly rounds: number;
  /** Bytes a second that the device gives, where experts are all that is read. Default: no limit. */
  readonly deviceRate?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: BenchmarkProgress) => void) | undefined;
}

export interface BenchmarkProgress {
  /** The round's number, from 1 on. */
  readonly round: number;
  readonly doing: 'reading alone' | 'prefill' | 'decoding' | 'computing alone';
  readonly done: number;
  readonly total: number;
}

type ReportProgress = (doing: BenchmarkProgress['doing'], done: number, total: number) => void;

const greedy = { temperature: 0, ignoreEnd: true } as const;
/** Milliseconds that reading alone takes at least: a pass over few weights is over in no time. */
const readingTime = 300;
/** Passes of one length that compute alone, and whose median counts. One before them does not: its graph is new. */
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
  await model.start(plan);
  const generation = model.generate(syntheticPrompt(model, 1)(0), { ...greedy, maxTokens: 1, ...others });
  for await (const _ of generation);
  const ended = performance.now();
  return {
    seconds: (ended - began) / 1000,
    sweep_bytes: sweepBytes(plan),
    bytes_read: statsOf(generation, others.signal).io.bytes_read,
  };
}

/** Bytes of the weights that a single token needs, and of all that stay. */
function sweepBytes({ slices, placements, experts }: Plan): number {
  const others = slices.filter(({ id }) => at(placements, id).kind !== 'experts');
  const used = (experts?.banks ?? []).reduce((sum, { used, expertBytes }) => sum + used * expertBytes, 0);
  return others.reduce((sum, { extent }) => sum + extent.length, used);
}

/**
 * Measures a model that has given a token already. Each round measures everything, so that the machine's other work
 * hits all alike: a prompt of which nothing is stored yet, and decoding, as in any generation; right after that reading
 * alone, through the ring that the passes lease from, since the device's other work changes within seconds; and
 * computing alone, on weights as they lie in memory; where weights stream, these are the ones that the ring happens to
 * hold. Rejects with the errors of a generation, or the signal's reason.
 */
export async function benchmark(model: Model, options: BenchmarkOptions): Promise<readonly BenchmarkRound[]> {
  const { promptOf, tokens, deviceRate = Number.POSITIVE_INFINITY, signal } = options;
  const plan = await model.load(undefined, { signal });
  const rounds: BenchmarkRound[] = [];
  for (let round = 1; round <= options.rounds; round += 1) {
    const report: ReportProgress = (doing, done, total) => options.onProgress?.({ round, doing, done, total });
    const prompt = promptOf(round);
    const { lengths, ...generated } = await generate(model, prompt, { tokens, signal }, report);
    const reading = await readAlone(model, signal, report);
    // The middle of the tokens that were decoded.
    const start = prompt.length + ((tokens - Math.max(...lengths)) >> 1);
    const computing_s = await computeAlone(model, { start, lengths, signal }, report);
    const { decode, speculation, experts } = generated;
    const { passes } = speculation;
    const bytes = decode.tokens * decode.bytes_per_token;
    const alone = {
      computing: passes * computing_s,
      rate: reading ? reading.bytes / reading.seconds : deviceRate,
    };
    const { computing, rate } = atLeastAsSeen(alone, { bytes, reading: decode.io_s, computing: decode.compute_s });
    const limit_s = decodeLimit(plan, { passes, bytes, computing, experts: experts?.layers ?? [] }, rate);
    rounds.push({ reading, ...generated, computing_s, limit_s });
  }
  return rounds;
}

/** Valid tokens without a meaning, different ones in each round. */
export function syntheticPrompt(model: Model, tokens: number): RoundPrompt {
  const some = Math.min(model.outline.config.vocabulary, 1000);
  return (round) => Array.from({ length: tokens }, (_, i) => (7 * i + 13 * round + 11) % some);
}

/** The statistics of a generation that has ended; if it was aborted, throws the signal's reason. */
function statsOf({ stats }: Generation, signal: AbortSignal | undefined): GenerationStats {
  signal?.throwIfAborted();
  if (!stats) throw new Error('the generation has not ended');
  return stats;
}

const readAlone = (
  model: Model,
  signal: AbortSignal | undefined,
  report: ReportProgress,
): Promise<BenchmarkRound['reading']> =>
  model.measure(async ({ pager: { weightRing, kvRing }, reader }) => {
    // Weights, where they stream, are as fast to read as everything together; keys and values are fewer.
    const ring = weightRing.length > 0 ? weightRing : kvRing;
    if (ring.length === 0) return null;
    await Promise.all([weightRing.settled(), kvRing.settled()]);
    const [began, before] = [performance.now(), reader.bytesRead];
    // Whole passes are read: the next lease must be the first of a pass.
    do {
      for (let i = 0; i < ring.length; i += 1) {
        signal?.throwIfAborted();
        using _lease = await ring.lease([i]);
        report('reading alone', i, ring.length);
      }
    } while (performance.now() - began < readingTime);
    return { seconds: (performance.now() - began) / 1000, bytes: reader.bytesRead - before };
  });

/** The state of a model's engine after a token, whose pass it has recorded. */
export async function statusAfterToken(
  model: Model,
  prompt: readonly number[],
  signal?: AbortSignal,
): Promise<EngineStatus> {
  const { opened, engine } = model.inner;
  // Passes are recorded while somebody looks; the last one decodes.
  const onPrompt = (): void => void engine.recorder.look();
  onPrompt();
  for await (const _ of model.generate(prompt, { ...greedy, maxTokens: 3, signal, onPrompt })) onPrompt();
  return engineStatus(opened, await model.start(), engine);
}

/** Also returns how many tokens each of the passes had that decoded, in any order. */
async function generate(
  model: Model,
  prompt: readonly number[],
  { tokens, signal }: Pick<BenchmarkOptions, 'tokens' | 'signal'>,
  report: ReportProgress,
): Promise<Omit<BenchmarkRound, 'reading' | 'computing_s' | 'limit_s'> & { readonly lengths: readonly number[] }> {
  // Stored parts of a prompt would not be computed again.
  await model.forget();
  const generation = model.generate(prompt, {
    ...greedy,
    // The first token comes from the prompt's pass.
    maxTokens: tokens + 1,
    signal,
    onPrompt: ({ tokens: done, total }) => report('prefill', Math.floor(done), total),
  });
  const draftedLengths: number[] = [];
  let before = model.tally().sums.drafted;
  for await (const _ of generation) {
    report('decoding', generation.answerTokens - 1, tokens);
    // The pieces of one pass arrive before the next pass has ended.
    const { drafted } = model.tally().sums;
    if (drafted > before) draftedLengths.push(1 + drafted - before);
    before = drafted;
  }
  const { prefill, ttft_ms, decode, speculation, experts, memory } = statsOf(generation, signal);
  const lengths = Array.from({ length: speculation.passes }, (_, i) =>
    i < draftedLengths.length ? at(draftedLengths, i) : 1,
  );
  return { prefill: { ...prefill, ttft_ms }, decode, speculation, experts, memory, lengths };
}

/** Average seconds of a pass over `lengths`: the shortest, the longest and one between them are measured. */
const computeAlone = (
  model: Model,
  { start, lengths, signal }: { start: number; lengths: readonly number[]; signal: AbortSignal | undefined },
  report: ReportProgress,
): Promise<number> =>
  model.measure(async (runtime) => {
    const { caches, pager, forward } = runtime;
    const state = scratchState(caches);
    await pager.weightRing.settled();
    const different = [...new Set(lengths)].sort((a, b) => a - b);
    const measured = new Set([0, different.length >> 1, different.length - 1].map((i) => at(different, i)));
    const times = new PassTimes();
    let done = 0;
    for (const length of measured) {
      const span = { state, start, tokens: syntheticPrompt(model, length)(0), logits: 'all' } as const;
      const seconds: number[] = [];
      for (let pass = 0; pass <= computingPasses; pass += 1) {
        report('computing alone', done++, measured.size * (computingPasses + 1));
        const before = forward.computeSeconds;
        await runtime.run([span], { withoutReads: true, signal });
        seconds.push(forward.computeSeconds - before);
      }
      times.record(length, median(seconds.slice(1)));
    }
    return lengths.reduce((sum, length) => sum + times.seconds(length), 0) / lengths.length;
  });
