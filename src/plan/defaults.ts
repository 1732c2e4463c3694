import { alignDown } from '../base/bytes.ts';

const MiB = 2 ** 20;
const GiB = 2 ** 30;

/**
 * The budget when none is given, in bytes: most of what is free, while the system keeps a quarter of its memory (2 GiB
 * at least, if it has that many) and some of what is free now. The last gigabytes make everything slower.
 */
export function autoBudget(memory: { total: number; available: number }): number {
  const ofTotal = memory.total - Math.min(Math.max(memory.total / 4, 2 * GiB), memory.total / 2);
  const ofAvailable = memory.available - Math.min(memory.total / 16, memory.available / 4);
  return alignDown(Math.min(ofTotal, ofAvailable), MiB);
}

/** Conversations rarely need more, and every token of it costs memory that weights could have. */
const usualContext = 4096;
const contextStep = 256;
/** Of what the process itself leaves, the most that KV takes without being asked to. */
const kvShare = 1 / 4;

/**
 * The context when none is given, in tokens: the usual one or what the text at hand needs, within what the model was
 * trained for, and made smaller where KV would crowd out the weights.
 */
export function autoContext(model: { trained: number; kvPerToken: number; free: number; needed: number }): number {
  const affordable = alignDown((model.free * kvShare) / model.kvPerToken, contextStep);
  const usual = Math.max(Math.min(usualContext, affordable), contextStep);
  return Math.min(model.trained, Math.max(usual, model.needed));
}
