import assert from 'node:assert/strict';
import type { KvOptions } from '../../src/plan/kv-options.ts';
import type { SequenceCache } from '../../src/state/sequence-cache.ts';
import { openRuntime, type TestRuntime } from './open-model.ts';

/** One text of a model, taken on pass by pass as a test wants. */
export class Passes {
  readonly cache: SequenceCache;
  readonly #model: TestRuntime;

  constructor(model: TestRuntime) {
    this.#model = model;
    this.cache = model.runtime.caches.all[0] ?? assert.fail();
    this.cache.truncate(0);
  }

  /** The logits after each of `tokens`, which are computed and stored in one pass. */
  async take(tokens: readonly number[]): Promise<readonly Float32Array[]> {
    const rows = await this.#run(this.cache.tokens.length, tokens);
    this.cache.store(tokens);
    return rows;
  }

  /** The logits after each of `tokens`, in passes of `size` tokens. */
  async takeAll(tokens: readonly number[], size: number): Promise<readonly Float32Array[]> {
    const rows: Float32Array[] = [];
    for (let at = 0; at < tokens.length; at += size) rows.push(...(await this.take(tokens.slice(at, at + size))));
    return rows;
  }

  /** A pass that fails after all its layers have stored. */
  async fail(tokens: readonly number[]): Promise<void> {
    await this.#run(this.cache.tokens.length, tokens);
    this.cache.state.replaced();
  }

  /** As if `tokens` stood at `start`, whatever is missing before. */
  async jump(start: number, tokens: readonly number[]): Promise<readonly Float32Array[]> {
    return this.#run(start, tokens);
  }

  async #run(start: number, tokens: readonly number[]): Promise<readonly Float32Array[]> {
    const { runtime, outline } = this.#model;
    const { vocabulary } = outline.config;
    this.cache.begin(tokens.length);
    const logits = await runtime.forward.run([{ state: this.cache.state, start, tokens, logits: 'all' }]);
    return tokens.map((_, i) => logits.slice(i * vocabulary, (i + 1) * vocabulary));
  }
}

/** Logits this close to the largest are as good: rounding may exchange them. */
const nearTie = 0.05;

/**
 * Fails unless each token of `answer` is the likeliest after the text before it, as far as the model at `path` sees
 * that.
 */
export async function assertLikeliest(
  path: string,
  kv: KvOptions,
  { prompt, answer }: { prompt: readonly number[]; answer: readonly number[] },
): Promise<void> {
  await using model = await openRuntime(path, { context: 2 ** 20, kv });
  const rows = await new Passes(model).takeAll([...prompt, ...answer], 33);
  for (const [i, token] of answer.entries()) {
    const logits = rows[prompt.length + i - 1] ?? assert.fail();
    const behind = Math.max(...logits) - (logits[token] ?? 0);
    assert.ok(behind < nearTie, `token ${i} of the answer is ${behind} less likely than another`);
  }
}
