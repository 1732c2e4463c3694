import assert from 'node:assert/strict';
import type { PassOptions } from '../../src/exec/forward.ts';
import type { KvHome, KvOptions } from '../../src/plan/kv-options.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';
import type { SequenceCache } from '../../src/state/sequence-cache.ts';
import { openRuntime, plenty } from './open-model.ts';
import { SpiedReader, type SpyOptions } from './spied-reader.ts';

export interface TwinOptions extends KvOptions {
  readonly context: number;
  /** Tokens of a pass at most. */
  readonly batch?: number;
  readonly parallel?: number;
  /** Left out: all weights are resident. */
  readonly budget?: number;
  /** Homes by layer. */
  readonly homes?: readonly KvHome[] | undefined;
  readonly spy?: SpyOptions;
}

/** A model whose keys and values live wherever a test wants them, and a spy on what is read and written of them. */
export interface Twin extends AsyncDisposable {
  readonly runtime: Runtime;
  readonly cache: SequenceCache;
  readonly spy: SpiedReader;
  /** The last logits of a pass over `tokens`, which come after those that the cache holds. */
  pass(tokens: readonly number[], options?: PassOptions): Promise<Float32Array>;
}

/** Opens a model as a whole, with kernels whose results depend on nothing but their operands. */
export async function openTwin(path: string, options: TwinOptions): Promise<Twin> {
  const { context, batch = 64, parallel = 1, budget = plenty, homes, spy, folder, ...kv } = options;
  const opened = await openRuntime(path, {
    budget,
    context,
    parallel,
    kv: { ...kv, folder, home: 'ram' },
    change: (plan, { graphs }) => {
      const wanted = { ...plan, batch, kvHomes: homes };
      return { ...wanted, kvOnSsd: graphs.stateBytes(wanted).ssd };
    },
  });
  const { runtime } = opened;
  await runtime.load();
  const cache = runtime.caches.all[0] ?? assert.fail();
  const spied = new SpiedReader(runtime.reader, spy);
  return {
    runtime,
    cache,
    spy: spied,
    async pass(tokens, options) {
      const { state, tokens: before } = cache;
      try {
        const logits = await runtime.run([{ state, start: before.length, tokens, logits: 'last' }], options);
        cache.store(tokens);
        return logits.slice();
      } catch (error) {
        cache.begin(tokens.length);
        throw error;
      }
    },
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}
