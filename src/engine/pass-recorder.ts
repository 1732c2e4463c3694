import { at } from '../base/at.ts';
import type { StepEvent } from '../exec/forward.ts';
import type { Step } from '../exec/program.ts';
import { layerOf } from '../plan/layer-map.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Pass } from './pass.ts';
import { type PassTimeline, type RecordedPass, timelineOf } from './pass-timeline.ts';

/** Milliseconds for which passes are recorded after somebody has looked at the last one. */
const watched = 3000;

/** The weight that a step streams first; undefined if all that it needs is resident, or is experts. */
export function firstStreamed({ needs }: Step, { pager, plan }: Pick<Runtime, 'pager' | 'plan'>): string | undefined {
  const [first] = needs.flatMap(({ home, blocks }) =>
    home === pager.weightRing && typeof blocks !== 'function' ? blocks : [],
  );
  return first === undefined ? undefined : at(plan.slices, at(plan.streamed, first)).weight.name;
}

/** Records the reads and steps of passes while somebody watches: else a pass costs no more than without it. */
export class PassRecorder {
  #watchedUntil = Number.NEGATIVE_INFINITY;
  /** The last pass until somebody looks at it, then its timeline. */
  #last: RecordedPass | undefined;
  #timeline: PassTimeline | undefined;

  /** The last pass that was recorded, if one was. Later ones are recorded for some seconds. */
  look(): PassTimeline | undefined {
    this.#watchedUntil = performance.now() + watched;
    if (this.#last) this.#timeline = timelineOf(this.#last);
    this.#last = undefined;
    return this.#timeline;
  }

  /** Runs a pass, and records it if somebody watches. A pass that fails is not recorded. */
  async record<T>(
    runtime: Runtime,
    { decoding, prompts }: Pick<Pass, 'decoding' | 'prompts'>,
    run: (trace: ((event: StepEvent) => void) | undefined) => Promise<T>,
  ): Promise<T> {
    const begin = performance.now();
    if (begin > this.#watchedUntil) {
      this.#last = undefined;
      this.#timeline = undefined;
      return run(undefined);
    }
    const reads: RecordedPass['reads'][number][] = [];
    const steps: RecordedPass['steps'][number][] = [];
    const { reader } = runtime;
    reader.onRead = ({ begin, end, bytes }) => reads.push({ begin, end, bytes });
    try {
      const result = await run(({ step, requested, begin, end }) => {
        const weight = firstStreamed(step, runtime);
        steps.push({ requested, begin, end, layer: weight === undefined ? undefined : layerOf(weight) });
      });
      this.#last = { decoding, prompts, begin, end: performance.now(), reads, steps };
      return result;
    } finally {
      reader.onRead = undefined;
    }
  }
}
