import { Libllama } from '../../bench/libllama.ts';
import type { RopeOptions } from '../../src/arch/rope.ts';
import type { KvType } from '../../src/plan/kv-options.ts';
import { argmax } from './logits.ts';

export interface OracleOptions {
  /** Tokens there is room for, in one batch too. */
  readonly context: number;
  /**
   * 1 unless given: for tiny models more are slower, by far where other tests run beside. Logits do not depend on it.
   */
  readonly threads?: number;
  /** Type of keys and values; default f16. */
  readonly kvType?: KvType;
  /** Changes to the rotation that the metadata describe. */
  readonly rope?: RopeOptions | undefined;
}

/** The logits libllama computes for a file and tokens: after each token, or after the last only. */
export function oracleLogits(
  path: string,
  tokens: readonly number[],
  options: OracleOptions & { readonly which?: 'all' | 'last' },
): readonly Float32Array[] {
  using oracle = new Libllama(path, { threads: 1, ...options });
  return oracle.decode(tokens, options.which);
}

/** The `count` tokens that libllama goes on with, always taking the likeliest. */
export function libllamaGreedy(path: string, prompt: readonly number[], count: number, threads = 1): readonly number[] {
  using oracle = new Libllama(path, { context: prompt.length + count, threads });
  const tokens: number[] = [];
  let next = prompt;
  while (tokens.length < count) {
    const [logits = new Float32Array()] = oracle.decode(next, 'last');
    next = [argmax(logits)];
    tokens.push(...next);
  }
  return tokens;
}

/** Logits this close to the largest are as good: quantized sums may be rounded in another order. */
const nearTie = 0.2;

/** Fails unless libllama, too, finds each token of `answer` the likeliest one after the text before it. */
export function assertAsLibllama(
  path: string,
  { prompt, answer }: { readonly prompt: readonly number[]; readonly answer: readonly number[] },
): void {
  using oracle = new Libllama(path, { context: prompt.length + answer.length, threads: 1 });
  let next = prompt;
  for (const [i, token] of answer.entries()) {
    // One by one, as the answer was made: sums over several tokens round differently.
    const [logits] = oracle.decode(next, 'last');
    const behind = logits ? Math.max(...logits) - (logits[token] ?? Number.NaN) : Number.NaN;
    if (!(behind < nearTie)) throw new Error(`token ${i} of the answer is ${behind} less likely than another`);
    next = [token];
  }
}
