import { addTotals, type EngineTotals, idleState, zeroTotals } from '../engine/engine-totals.ts';
import type { Metric } from './backend.ts';
import type { EnginePool } from './engine-pool.ts';
import { metricsOf } from './metrics.ts';
import type { EngineStats } from './protocol.ts';
import type { RequestCounts } from './request-counts.ts';
import type { EnginesStatus } from './server-status.ts';
import { enginesStatus, runningEngine } from './status-snapshot.ts';

/** Milliseconds for which one status answers all who ask. */
const statusInterval = 200;

/** The figures of a server, and the state of its engine for those who watch it. */
export class ServerWatch {
  readonly #pool: Pick<EnginePool, 'current'>;
  readonly #requests: RequestCounts;
  /** Totals of engines that have ended. */
  #past: EngineTotals = zeroTotals;
  #last: { readonly at: number; readonly status: Promise<EnginesStatus> } | undefined;

  constructor(pool: Pick<EnginePool, 'current'>, requests: RequestCounts) {
    this.#pool = pool;
    this.#requests = requests;
  }

  /** Adds the last counts of an engine that has ended. */
  add({ sums }: EngineStats): void {
    this.#past = addTotals(this.#past, sums);
  }

  /** The figures as of the engine's last report. */
  figures(): readonly Metric[] {
    const { stats, facts } = this.#pool.current?.process ?? {};
    const { outcomes, pending } = this.#requests;
    const sums = addTotals(this.#past, stats?.sums ?? zeroTotals);
    return metricsOf({ outcomes, pending, sums, state: stats?.state ?? idleState, facts });
  }

  /** The state of the engine, as it is or was a moment ago, with the figures of the same moment. */
  status(): Promise<EnginesStatus> {
    const now = performance.now();
    if (!this.#last || now - this.#last.at >= statusInterval) this.#last = { at: now, status: this.#ask() };
    return this.#last.status;
  }

  async #ask(): Promise<EnginesStatus> {
    const { current } = this.#pool;
    // An engine that ends meanwhile is none. The figures came with its answer.
    const status = await current?.process.call({ name: 'status' }).catch(() => undefined);
    const engine = current && status && this.#pool.current === current ? runningEngine(current, status) : null;
    return enginesStatus(this.figures(), engine);
  }
}
