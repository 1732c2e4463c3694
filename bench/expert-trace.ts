import { at } from '../src/base/at.ts';
import type { StepEvent } from '../src/exec/forward.ts';
import type { ExpertPool } from '../src/pager/expert-pool.ts';
import type { Routing } from '../src/plan/expert-cache.ts';
import { expertLength } from '../src/plan/routed-banks.ts';

/** A router's part of a pass. */
export interface LayerTrace {
  readonly asked: number;
  readonly hits: number;
  /** Bytes of experts that were not in slots. */
  readonly missedBytes: number;
  /** Seconds of computing those that were. */
  readonly hitSeconds: number;
}

/** A pass, by its own trace. Times are seconds. */
export interface ExpertPass {
  readonly seconds: number;
  /** Computing all steps. */
  readonly compute: number;
  /** Steps waiting for reads. */
  readonly waited: number;
  readonly layers: readonly LayerTrace[];
}

export const missedBytes = ({ layers }: ExpertPass): number =>
  layers.reduce((sum, layer) => sum + layer.missedBytes, 0);

/**
 * The time of a token at best, experts being read at `rate` bytes a second: in each layer always-used computing, the
 * longer of computing hits and reading misses, and computing misses. All but the longer one is what was computed.
 */
export const secondsAtBest = ({ compute, layers }: ExpertPass, rate: number): number =>
  layers.reduce((sum, layer) => sum + Math.max(0, layer.missedBytes / rate - layer.hitSeconds), compute);

/** The time of a prompt at best: reading and computing side by side. */
export const promptAtBest = (pass: ExpertPass, rate: number): number =>
  Math.max(pass.compute, missedBytes(pass) / rate);

type Routed = { -readonly [key in keyof LayerTrace]: LayerTrace[key] } & { readonly routing: Routing };

/** Listens to the pools and the steps of passes. */
export class ExpertTrace {
  readonly #pools: readonly ExpertPool[];
  #routed = new Map<ExpertPool, Routed>();
  #compute = 0;
  #waited = 0;

  constructor(pools: readonly ExpertPool[]) {
    this.#pools = pools;
    for (const pool of pools) {
      const bytes = pool.homes.reduce((sum, { matrix }) => sum + expertLength(matrix.weight), 0);
      pool.onRoute = (_, routing) => {
        const { asked, hits } = routing;
        this.#routed.set(pool, { routing, asked, hits, missedBytes: (asked - hits) * bytes, hitSeconds: 0 });
      };
    }
  }

  /** Hears of a step. Its time is divided by the bytes of its experts between those that were in slots and the others. */
  readonly onStep = ({ step, requested, begin, end }: StepEvent): void => {
    this.#waited += (begin - requested) / 1000;
    this.#compute += (end - begin) / 1000;
    let [present, all] = [0, 0];
    let layer: Routed | undefined;
    for (const pool of this.#pools) {
      for (const home of pool.homes) {
        for (const need of step.needs) {
          if (need.home !== home || typeof need.blocks !== 'function') continue;
          layer = this.#routed.get(pool);
          for (const round of need.blocks()) {
            const { experts, loads } = at(layer?.routing.rounds ?? [], round);
            const bytes = experts.length * expertLength(home.matrix.weight);
            all += bytes;
            if (loads.length === 0) present += bytes;
          }
        }
      }
    }
    if (layer) layer.hitSeconds += ((end - begin) / 1000) * (present / all);
  };

  /** The events since the last time, in a pass of `seconds`. */
  take(seconds: number): ExpertPass {
    const pass = { seconds, compute: this.#compute, waited: this.#waited, layers: [...this.#routed.values()] };
    this.#routed = new Map();
    [this.#compute, this.#waited] = [0, 0];
    return pass;
  }
}
