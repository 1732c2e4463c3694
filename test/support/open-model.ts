import type { RopeOptions } from '../../src/arch/rope.ts';
import { CpuDevice } from '../../src/ggml/cpu-device.ts';
import type { Device } from '../../src/ggml/device.ts';
import { Model } from '../../src/model/model.ts';
import type { ModelOptions } from '../../src/model/model-options.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { type GraphChoice, type ModelOutline, openOutline } from '../../src/runtime/model-outline.ts';
import { layoutLookup, type PlanOptions, planModel } from '../../src/runtime/planner.ts';
import { Runtime, type RuntimeOptions } from '../../src/runtime/runtime.ts';
import { scratchState } from '../../src/state/cache-pool.ts';
import { budgetBeside } from './budget.ts';

/** Opens a model with `beside` bytes beside this process, and kernels whose results do not depend on the budget. */
export const openTestModel = (path: string, beside: number, options: ModelOptions = {}): Model =>
  Model.open(path, { ...budgetBeside(beside), threads: 1, kernels: 'plain', ...options });

/** More than any test's model needs. */
export const plenty: number = 2 ** 32;

/** A plan that counts weights, KV and intermediate results, and not the test's own process. */
export const planFor = (
  device: Device,
  outline: ModelOutline,
  { kernels = 'plain', ...options }: Partial<PlanOptions> = {},
): Plan =>
  planModel(outline, device, layoutLookup(device, kernels), { budget: plenty, runtime: 0, kernels, ...options });

export interface TestRuntimeOptions extends Partial<PlanOptions>, Pick<RuntimeOptions, 'exact' | 'adaptive'> {
  readonly threads?: number;
  /** The device that computes, which stays the caller's; default: the CPU with those threads. */
  readonly device?: Device;
  readonly rope?: RopeOptions | undefined;
  readonly graphs?: GraphChoice | undefined;
  /** Changes the plan. */
  readonly change?: (plan: Plan, outline: ModelOutline) => Plan;
}

export interface TestRuntime extends AsyncDisposable {
  readonly device: Device;
  readonly outline: ModelOutline;
  readonly plan: Plan;
  readonly runtime: Runtime;
  /** The logits of every token, in one pass per batch of the plan. */
  logits(tokens: readonly number[]): Promise<readonly Float32Array[]>;
}

/** Opens a model as far as it computes: without an engine, which schedules and samples. */
export async function openRuntime(path: string, options: TestRuntimeOptions = {}): Promise<TestRuntime> {
  const { threads = 1, rope, graphs, exact = false, adaptive = true, change = (plan) => plan, ...others } = options;
  const { device: given, ...wanted } = others;
  const { kernels = 'plain', kv } = wanted;
  const outline = openOutline(path, { rope, graphs });
  const device = given ?? new CpuDevice(threads);
  const plan = change(planFor(device, outline, wanted), outline);
  const runtime = await Runtime.open(outline, plan, {
    device,
    layoutOf: layoutLookup(device, kernels),
    reading: { inFlight: 3 },
    exact,
    adaptive,
    kvFolder: kv?.folder,
  });
  return {
    device,
    outline,
    plan,
    runtime,
    async logits(tokens) {
      const rows: Float32Array[] = [];
      const { vocabulary } = outline.config;
      for (let start = 0; start < tokens.length; start += plan.batch) {
        const state = scratchState(runtime.caches);
        const span = { state, start, tokens: tokens.slice(start, start + plan.batch), logits: 'all' } as const;
        const logits = await runtime.forward.run([span]);
        for (let i = 0; i < logits.length; i += vocabulary) rows.push(logits.slice(i, i + vocabulary));
      }
      return rows;
    },
    async [Symbol.asyncDispose]() {
      await runtime[Symbol.asyncDispose]();
      outline.graphs[Symbol.dispose]();
      if (!given) device[Symbol.dispose]();
    },
  };
}
