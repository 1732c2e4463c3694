import { firstStreamed } from '../engine/pass-recorder.ts';
import { scratchState } from '../state/cache-pool.ts';
import type { Model } from './model.ts';

/** The events of one pass. Times are milliseconds of `performance.now()`. */
export interface PassTrace {
  readonly reads: readonly { readonly begin: number; readonly end: number; readonly bytes: number }[];
  /**
   * Each step asked for its weights, had them at `begin` and was computed at `end`. `label` is the first weight waited
   * for.
   */
  readonly steps: readonly {
    readonly requested: number;
    readonly begin: number;
    readonly end: number;
    readonly label: string;
    readonly streamed: boolean;
  }[];
}

/** Traces one token being decoded at position `start`, after another one, which sets the reading going. */
export const tracePass = (model: Model, start: number, signal?: AbortSignal): Promise<PassTrace> =>
  model.measure(async (runtime) => {
    const { caches, reader } = runtime;
    const state = scratchState(caches);
    const reads: PassTrace['reads'][number][] = [];
    const steps: PassTrace['steps'][number][] = [];
    const span = { state, start, tokens: [0], logits: 'last' } as const;
    reader.onRead = ({ begin, end, bytes }) => reads.push({ begin, end, bytes });
    try {
      await runtime.run([span], { signal });
      // Another token uses other experts of a mixture.
      await runtime.run([{ ...span, tokens: [1] }], {
        signal,
        trace: ({ step, requested, begin, end }) => {
          const first = firstStreamed(step, runtime);
          steps.push({ requested, begin, end, label: first ?? 'resident', streamed: first !== undefined });
        },
      });
    } finally {
      reader.onRead = undefined;
    }
    return { reads, steps };
  });
