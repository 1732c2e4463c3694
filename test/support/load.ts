import type { RopeOptions } from '../../src/arch/rope.ts';
import { Device } from '../../src/ggml/device.ts';
import type { KvOptions } from '../../src/plan/kv-options.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { type ModelOutline, openOutline } from '../../src/runtime/model-outline.ts';
import { type Kernels, layoutLookup, planModel } from '../../src/runtime/planner.ts';
import { Runtime } from '../../src/runtime/runtime.ts';
import { scratchStore } from '../../src/state/cache-pool.ts';

export interface TestModel extends AsyncDisposable {
  readonly outline: ModelOutline;
  readonly plan: Plan;
  readonly runtime: Runtime;
  /** The logits of every token, in one pass per batch of the plan. */
  logits(tokens: readonly number[]): Promise<readonly Float32Array[]>;
}

/** More than any test's model needs. */
export const plenty: number = 2 ** 32;

/** Loads a model under a budget that counts weights, KV and intermediate results, and not the test's own process. */
export async function loadModel(
  path: string,
  options: {
    budget?: number;
    context: number;
    kernels?: Kernels;
    threads?: number;
    kv?: KvOptions;
    rope?: RopeOptions | undefined;
  },
): Promise<TestModel> {
  const { budget = plenty, context, kernels = 'plain', threads = 1, kv, rope } = options;
  const outline = openOutline(path, rope);
  const device = new Device(threads, 0);
  const layoutOf = layoutLookup(device, kernels);
  const plan = planModel(outline, device, layoutOf, { budget, runtime: 0, context, kv, kernels });
  const runtime = await Runtime.open(outline, plan, { device, layoutOf, reading: { inFlight: 3 } });
  return {
    outline,
    plan,
    runtime,
    async logits(tokens) {
      const rows: Float32Array[] = [];
      const { vocabulary } = outline.config;
      for (let start = 0; start < tokens.length; start += plan.batch) {
        const span = {
          kv: scratchStore(runtime.caches),
          start,
          tokens: tokens.slice(start, start + plan.batch),
          logits: 'all',
        } as const;
        const logits = await runtime.forward.run([span]);
        for (let i = 0; i < logits.length; i += vocabulary) rows.push(logits.slice(i, i + vocabulary));
      }
      return rows;
    },
    async [Symbol.asyncDispose]() {
      await runtime[Symbol.asyncDispose]();
      device[Symbol.dispose]();
    },
  };
}
