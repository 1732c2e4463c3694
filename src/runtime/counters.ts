import { at } from '../base/at.ts';
import type { Forward } from '../exec/forward.ts';
import type { ExpertStatistics } from '../pager/expert-pool.ts';
import type { Pager } from '../pager/pager.ts';
import type { Reader } from '../pager/reader.ts';

/** Parts of a runtime that count the work of passes. */
export interface CounterSource {
  readonly reader: Pick<Reader, 'bytesRead' | 'busySeconds'>;
  readonly forward: Pick<Forward, 'computeSeconds'>;
  readonly pager: Pick<Pager, 'stallSeconds' | 'expertStatistics'>;
}

/** Totals since the runtime was opened: bytes, and seconds. */
export interface Counters {
  readonly time: number;
  readonly bytes: number;
  /** Seconds in which something was being read. */
  readonly io: number;
  readonly compute: number;
  /** Seconds of waiting for reads. */
  readonly stall: number;
  /** Experts that are not resident, by router. */
  readonly experts: readonly ExpertStatistics[];
}

export const countersOf = ({ reader, pager, forward }: CounterSource): Counters => ({
  time: performance.now() / 1000,
  bytes: reader.bytesRead,
  io: reader.busySeconds,
  compute: forward.computeSeconds,
  stall: pager.stallSeconds,
  experts: pager.expertStatistics,
});

/** The work between two readings of the counters. */
export const countersBetween = (a: Counters, b: Counters): Counters => ({
  time: a.time - b.time,
  bytes: a.bytes - b.bytes,
  io: a.io - b.io,
  compute: a.compute - b.compute,
  stall: a.stall - b.stall,
  experts: a.experts.map((router, i) => {
    const before = at(b.experts, i);
    return {
      asked: router.asked - before.asked,
      hits: router.hits - before.hits,
      bytesRead: router.bytesRead - before.bytesRead,
      waited: router.waited - before.waited,
    };
  }),
});

/** The sums of all routers; 0 if all experts are resident, or there are none. */
export const expertsTogether = (routers: readonly ExpertStatistics[]): ExpertStatistics => ({
  asked: routers.reduce((sum, { asked }) => sum + asked, 0),
  hits: routers.reduce((sum, { hits }) => sum + hits, 0),
  bytesRead: routers.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
  waited: routers.reduce((sum, { waited }) => sum + waited, 0),
});
