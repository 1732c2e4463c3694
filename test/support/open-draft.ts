import { DraftEngine, type DraftRequest } from '../../src/engine/draft/draft-engine.ts';
import { Device } from '../../src/ggml/device.ts';
import type { KvOptions } from '../../src/plan/kv-options.ts';
import { openOutline } from '../../src/runtime/model-outline.ts';
import { layoutLookup, planModel } from '../../src/runtime/planner.ts';
import { Runtime } from '../../src/runtime/runtime.ts';
import { plenty } from './load.ts';
import { argmax, topGap } from './logits.ts';

/** A draft model at work, whose passes a test sees. */
export interface OpenDraft extends AsyncDisposable {
  readonly engine: DraftEngine;
  readonly runtime: Runtime;
  /** The tokens of each text in each pass so far. */
  readonly passes: (readonly number[])[];
}

/** Opens a model as a draft model, wholly resident, with kernels whose results are the same for all plans. */
export async function openDraft(path: string, context: number, parallel: number, kv?: KvOptions): Promise<OpenDraft> {
  const outline = openOutline(path);
  const device = new Device(1, 0);
  const layoutOf = layoutLookup(device, 'plain');
  const plan = planModel(outline, device, layoutOf, {
    budget: plenty,
    runtime: 0,
    context,
    parallel,
    kv,
    kernels: 'plain',
  });
  const runtime = await Runtime.open(outline, plan, { device, layoutOf, reading: { inFlight: 3 } });
  const passes: (readonly number[])[] = [];
  const run = runtime.run.bind(runtime);
  runtime.run = (spans, options) => {
    passes.push(spans.map(({ tokens }) => tokens.length));
    return run(spans, options);
  };
  const engine = new DraftEngine(runtime, outline.config.vocabulary);
  return {
    engine,
    runtime,
    passes,
    async [Symbol.asyncDispose]() {
      await engine[Symbol.asyncDispose]();
      device[Symbol.dispose]();
    },
  };
}

/** Guesses the likeliest token. `gaps` are told how much likelier it was than the second. */
export const likeliest =
  (gaps: number[] = []): DraftRequest['draft'] =>
  (logits) => {
    gaps.push(topGap(logits));
    return { token: argmax(logits) };
  };
