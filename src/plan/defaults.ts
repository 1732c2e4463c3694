import { alignDown } from '../base/bytes.ts';
import { maxWindowedTokens, type Window } from './kv-options.ts';

const MiB = 2 ** 20;
const GiB = 2 ** 30;
/** The share of all memory that is taken for available where the system does not say. */
const macShare = 0.6;

/** Bytes of memory that the system calls free. */
export function availableOf(memory: { total: number; available: number; platform: string }): number {
  // macOS calls only unused pages available, and keeps few; it does not say how much more it would give up.
  return memory.platform === 'darwin' ? memory.total * macShare : memory.available;
}

/**
 * The budget when none is given, in bytes: most of what is free, while the system keeps a quarter of its memory (2 GiB
 * at least, if it has that many) and some of what is free now. The last gigabytes make everything slower.
 */
export function autoBudget({ total, available }: { total: number; available: number }): number {
  const ofTotal = total - Math.min(Math.max(total / 4, 2 * GiB), total / 2);
  const ofAvailable = available - Math.min(total / 16, available / 4);
  return alignDown(Math.min(ofTotal, ofAvailable), MiB);
}

/** Conversations rarely need more, and every token of it costs memory that weights could have. */
export const usualContext = 4096;
const contextStep = 256;
/** The largest share of the budget, less the process, that KV takes of weights without being asked to. */
const kvShare = 1 / 4;

/** Bytes of memory, of `free` ones, that keys and values may take without being asked to. */
export const kvShareOf = (free: number): number => free * kvShare;

/** The costs that a context is chosen by. */
export interface ContextCosts {
  /** Tokens the model was trained for. */
  readonly trained: number;
  /** Bytes of the keys and values of one sequence that may grow to so many tokens. */
  kv(context: number): number;
  /** Bytes of memory that keys and values may take. */
  readonly share: number;
}

/**
 * The context when none is given, in tokens: the prompt's tokens in any case; beyond them the usual context, or prompt
 * and answer together, as far as KV does not crowd out the weights; never more than the model was trained for.
 */
export function autoContext(
  model: ContextCosts,
  tokens: { prompt: number; answer: number } = { prompt: 0, answer: 0 },
): number {
  const needed = tokens.prompt + 1;
  const whole = Number.isFinite(tokens.answer) ? tokens.prompt + tokens.answer : 0;
  return Math.min(model.trained, Math.max(needed, Math.min(Math.max(usualContext, whole), affordable(model))));
}

/** A text slides on for days, or as far as its tokens leave almost all of the memory to other things: so many in any case. */
const leastSliding = 2 ** 16;
const textShare = 1 / 16;

/**
 * The least context that is chosen, in tokens: what the prompt needs, and a step at least. With a window the keys and
 * values of more take no memory.
 */
export function leastContext(
  trained: number,
  { prompt }: { prompt: number } = { prompt: 0 },
  window?: Window | undefined,
): number {
  const needed = prompt + 1;
  return window
    ? Math.min(maxWindowedTokens, Math.max(needed, leastSliding))
    : Math.min(trained, Math.max(needed, contextStep));
}

/**
 * The context with a window when none is given: as many tokens as there can be, while lists of so many take a small part
 * of `free` bytes; `least` in any case.
 */
export function longestText(least: number, bytes: (tokens: number) => number, free: number): number {
  let tokens = maxWindowedTokens;
  while (tokens > least && bytes(tokens) > free * textShare) tokens = Math.max(least, tokens / 2);
  return tokens;
}

/** The most tokens whose keys and values leave the weights their share, in whole steps: one at least. */
function affordable({ trained, kv, share }: ContextCosts): number {
  let [least, most] = [1, Math.max(1, Math.ceil(trained / contextStep))];
  while (least < most) {
    const steps = Math.ceil((least + most) / 2);
    if (kv(steps * contextStep) <= share) least = steps;
    else most = steps - 1;
  }
  return least * contextStep;
}

/** More sequences at once share each pass, but the kernels of most machines are busy with this many. */
export const mostParallel = 4;

/** The number of sequences computed together when nobody says: as many as the usual context can be afforded for. */
export function autoParallel(model: ContextCosts, context: number = Math.min(usualContext, model.trained)): number {
  return Math.max(1, Math.min(mostParallel, Math.floor(model.share / model.kv(context))));
}

/** Keys and values of earlier prompts take this share of the budget when nobody says, and this many bytes at most. */
const promptCacheShare = 1 / 32;
const mostPromptCache = 512 * MiB;

/** Bytes for keys and values of earlier prompts when nobody says. */
export const autoPromptCache = (budget: number): number =>
  alignDown(Math.min(budget * promptCacheShare, mostPromptCache), MiB);
