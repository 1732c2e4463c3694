import { at } from '../base/at.ts';
import type { ExpertCounters } from './expert-counters.ts';
import type { HitCurve } from './hit-curve.ts';

/**
 * Hits that caches of every size would have had on the same routes, by one stack of all experts (Mattson et al., 1970):
 * its first n are those that a cache of n slots holds, since which of two goes first does not depend on its size. Exact
 * for batches of no more experts than slots.
 */
export class ExpertHistogram {
  /** False while uses are not counted. */
  recording = true;
  readonly #counters: ExpertCounters;
  readonly #stack: number[] = [];
  /** Uses by the depth at which the expert was found. */
  readonly #depths: number[];
  #asked = 0;

  /** A histogram of `experts`, of which `counters` say which goes first. */
  constructor(experts: number, counters: ExpertCounters) {
    this.#counters = counters;
    this.#depths = Array.from({ length: experts }, () => 0);
  }

  /** The uses that were counted. */
  get curve(): HitCurve {
    return { asked: this.#asked, depths: this.#depths };
  }

  /** Takes the different experts of a batch, which `counters` have; `alone` if it is one token, whose hits count. */
  add(batch: readonly number[], alone: boolean): void {
    const wanted = new Set(batch);
    if (alone && this.recording) {
      this.#asked += batch.length;
      for (const [depth, expert] of this.#stack.entries()) {
        if (wanted.has(expert)) this.#depths[depth] = at(this.#depths, depth) + 1;
      }
    }
    for (const expert of batch) this.#push(expert, wanted);
  }

  /** Puts `expert` on top; of each two that meet on the way down, the one of more worth stays above. */
  #push(expert: number, wanted: ReadonlySet<number>): void {
    const stack = this.#stack;
    let carried = expert;
    for (let depth = 0; depth < stack.length; depth += 1) {
      const resident = at(stack, depth);
      if (depth > 0 && resident !== expert && !this.#sinks(resident, carried, wanted)) continue;
      stack[depth] = carried;
      if (resident === expert) return;
      carried = resident;
    }
    stack.push(carried);
  }

  /** True if `resident` is overwritten rather than `carried`: the batch's own experts stay. */
  #sinks(resident: number, carried: number, wanted: ReadonlySet<number>): boolean {
    if (wanted.has(resident) !== wanted.has(carried)) return wanted.has(carried);
    return this.#counters.isBelow(resident, carried);
  }
}
