import { DraftEngine, type DraftRequest } from '../../src/engine/draft/draft-engine.ts';
import type { KvOptions } from '../../src/plan/kv-options.ts';
import type { Runtime } from '../../src/runtime/runtime.ts';
import { argmax, topGap } from './logits.ts';
import { openRuntime } from './open-model.ts';

/** A draft model at work, whose passes a test sees. */
export interface OpenDraft extends AsyncDisposable {
  readonly engine: DraftEngine;
  readonly runtime: Runtime;
  /** The tokens of each text in each pass so far. */
  readonly passes: (readonly number[])[];
}

/** Opens a model as a draft model, wholly resident, with kernels whose results are the same for all plans. */
export async function openDraft(path: string, context: number, parallel: number, kv?: KvOptions): Promise<OpenDraft> {
  const { runtime, outline, device } = await openRuntime(path, { context, parallel, kv });
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

/** Drafts the likeliest token. `gaps` are told how much likelier it was than the second. */
export const likeliest =
  (gaps: number[] = []): DraftRequest['draft'] =>
  (logits) => {
    gaps.push(topGap(logits));
    return { token: argmax(logits) };
  };
