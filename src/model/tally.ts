import type { Engine } from '../engine/engine.ts';
import { type EngineState, type EngineTotals, idleState } from '../engine/engine-totals.ts';
import { countersOf, expertsTogether } from '../runtime/counters.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** Totals since a model was opened, and its present state. */
export interface Tally {
  readonly sums: EngineTotals;
  readonly state: EngineState;
}

/** The tally of an engine and its runtime, if that is open. */
export function tallyOf({ sums, load }: Pick<Engine, 'sums' | 'load'>, runtime: Runtime | undefined): Tally {
  if (!runtime) return { sums, state: { ...idleState, ...load } };
  const { bytes, io, stall, compute, experts } = countersOf(runtime);
  const { asked, hits, bytesRead, waited } = expertsTogether(experts);
  const { resident, kv } = runtime.plan.shares;
  return {
    sums: {
      ...sums,
      bytesRead: bytes,
      bytesWritten: runtime.bytesWritten,
      readSeconds: io,
      stallSeconds: stall,
      computeSeconds: compute,
      expertsAsked: asked,
      expertHits: hits,
      expertBytes: bytesRead,
      expertStallSeconds: waited,
    },
    state: { ...load, resident, kv },
  };
}
