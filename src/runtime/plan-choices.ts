import { autoContext, autoParallel, autoPromptCache, kvShareOf, leastContext, longestText } from '../plan/defaults.ts';
import { isTooSmall, orTooSmall } from '../plan/kv-homes.ts';
import type { KvOptions } from '../plan/kv-options.ts';
import { type Plan, planBytes } from '../plan/plan.ts';
import { draftKv, weightBytes } from './demand.ts';
import type { StateOptions } from './model-graphs.ts';
import type { ModelOutline } from './model-outline.ts';
import { textBytes } from './text-bytes.ts';

/**
 * Tokens at hand: those of the prompt, and the most that the answer may have.
 *
 * @example const tokens: TokenCounts = { prompt: 900, answer: 100 };
 */
export interface TokenCounts {
  readonly prompt: number;
  readonly answer: number;
}

/** Options that contexts, sequences and caches are chosen by. */
export interface ChoiceOptions {
  /** Bytes of the budget. */
  readonly budget: number;
  /** Bytes that the process takes before any weight is loaded. */
  readonly runtime: number;
  /** Tokens; default: chosen. */
  readonly context?: number | undefined;
  readonly kv?: KvOptions | undefined;
  /** Sequences computed together; default: one. */
  readonly parallel?: number | 'auto' | undefined;
  /** The most draft tokens of each sequence; default: none. */
  readonly ahead?: number | undefined;
  /** The draft model, resident as a whole. */
  readonly draft?: ModelOutline | undefined;
  /** Bytes for keys and values of sequences that have ended; default: none. */
  readonly promptCache?: number | 'auto' | undefined;
  /** Tokens that a chosen context should suit. */
  readonly tokens?: TokenCounts | undefined;
}

/** A context is chosen before the batch is: as if passes were short. */
export const leastBatch = 1;

/** Choices, as they were given or else made. */
export interface PlanChoice {
  /** Tokens of a sequence. */
  readonly context: number;
  /** Sequences computed together. */
  readonly parallel: number;
  /** Bytes of copies of earlier prompts. */
  readonly promptCache: number;
}

/**
 * Choices to plan with: first those that suit the budget, and if they do not fit all the same, ever less of what nobody
 * asked for. The last choice is the same for all budgets, so that the smallest that works is, too.
 */
export function* choicesFor(outline: ModelOutline, options: ChoiceOptions): Generator<PlanChoice> {
  const { budget } = options;
  const promptCache = options.promptCache === 'auto' ? autoPromptCache(budget) : (options.promptCache ?? 0);
  const free = freeBytes(outline, options, promptCache);
  const chosen = textsWithin(outline, options, { free, share: kvShareOf(free) });
  const { parallel } = chosen;
  let { context } = chosen;
  yield { context, parallel, promptCache };

  const least = leastFrom(outline, options);
  const rest = {
    parallel: options.parallel === 'auto' ? 1 : parallel,
    promptCache: options.promptCache === 'auto' ? 0 : promptCache,
  };
  if (rest.parallel < parallel || rest.promptCache < promptCache) yield { context, ...rest };
  while (context > least) {
    context = Math.max(least, Math.floor(context / 2));
    yield { context, ...rest };
  }
}

/** Bytes of the budget, less the process, adapters, a draft model's weights and copies of earlier prompts. */
export const freeBytes = (
  { graphs }: ModelOutline,
  { budget, runtime, draft }: ChoiceOptions,
  promptCache: number,
): number => budget - runtime - graphs.adapterBytes - promptCache - (draft ? weightBytes(draft) : 0);

/** The context that was given, else the least that is chosen. */
const leastFrom = ({ config }: ModelOutline, { context, tokens, kv }: ChoiceOptions): number =>
  context ?? leastContext(config.context, tokens, kv?.window);

/** Bytes of keys and values of one sequence with this context, a draft model's among them, and of its lists of tokens. */
function sequenceBytes({ graphs }: ModelOutline, options: ChoiceOptions, context: number): number {
  const { ahead = 0, draft, kv: { type: kvType = 'f16', window } = {} } = options;
  const kept: StateOptions = { kvType, window, kvHomes: undefined, batch: leastBatch, ahead, context, parallel: 1 };
  return (
    graphs.stateBytes(kept).memory +
    textBytes({ ahead, draftModel: draft !== undefined, context, parallel: 1 }) +
    (draft ? draft.graphs.stateBytes(draftKv(draft, kept)).memory : 0)
  );
}

/** Texts of a pass where each is computed whole: what they take is in the pass. */
const wholeParallel = 32;

/** Sequences and their context, as given or as many and as long as suits `share` of the `free` bytes. */
function textsWithin(
  outline: ModelOutline,
  options: ChoiceOptions,
  { free, share }: { free: number; share: number },
): Omit<PlanChoice, 'promptCache'> {
  const { ahead = 0, draft, kv: { window } = {} } = options;
  const one = {
    trained: outline.config.context,
    kv: (context: number) => sequenceBytes(outline, options, context),
    share,
  };
  const least = leastFrom(outline, options);
  const known = options.context ?? (window && least);
  const automatic = (): number => (outline.graphs.wholeTexts ? wholeParallel : autoParallel(one, known));
  const parallel = options.parallel === 'auto' ? automatic() : (options.parallel ?? 1);
  const all = { ...one, kv: (context: number) => parallel * one.kv(context) };
  const texts = (context: number): number => textBytes({ ahead, draftModel: draft !== undefined, context, parallel });
  const context = options.context ?? (window ? longestText(least, texts, free) : autoContext(all, options.tokens));
  return { context, parallel };
}

/** Shares of memory left over that longer texts may take, of which intermediate results take some too. */
const leftOverShares = [7 / 8, 3 / 4, 1 / 2] as const;

/**
 * The plan with more sequences and longer contexts, where nobody gave them, in memory that no weight takes: as far as all
 * weights stay in memory and batches as large.
 */
export function roomier(
  plan: Plan,
  outline: ModelOutline,
  options: ChoiceOptions,
  planWith: (choice: PlanChoice) => Plan,
): Plan {
  const { context, parallel, promptCache } = plan;
  if (plan.streamed.length > 0 || plan.kvHomes) return plan;
  const taken = parallel * sequenceBytes(outline, options, context);
  for (const part of leftOverShares) {
    const share = taken + part * (plan.budget - planBytes(plan));
    const more = textsWithin(outline, options, { free: freeBytes(outline, options, promptCache), share });
    if (more.context * more.parallel <= context * parallel || more.context < context) return plan;
    const found = orTooSmall(() => planWith({ ...more, promptCache }));
    if (!isTooSmall(found) && found.streamed.length === 0 && !found.kvHomes && found.batch >= plan.batch) return found;
  }
  return plan;
}
