import type { Forward } from '../exec/forward.ts';
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
  /** Experts that were asked for, and those of them that were in slots. */
  readonly expertsAsked: number;
  readonly expertHits: number;
  readonly expertBytes: number;
  /** Seconds of waiting for experts. */
  readonly expertStall: number;
}

export function countersOf({ reader, pager, forward }: CounterSource): Counters {
  const { asked, hits, bytesRead, waited } = pager.expertStatistics;
  return {
    time: performance.now() / 1000,
    bytes: reader.bytesRead,
    io: reader.busySeconds,
    compute: forward.computeSeconds,
    stall: pager.stallSeconds,
    expertsAsked: asked,
    expertHits: hits,
    expertBytes: bytesRead,
    expertStall: waited,
  };
}

/** The work between two readings of the counters. */
export const countersBetween = (a: Counters, b: Counters): Counters => ({
  time: a.time - b.time,
  bytes: a.bytes - b.bytes,
  io: a.io - b.io,
  compute: a.compute - b.compute,
  stall: a.stall - b.stall,
  expertsAsked: a.expertsAsked - b.expertsAsked,
  expertHits: a.expertHits - b.expertHits,
  expertBytes: a.expertBytes - b.expertBytes,
  expertStall: a.expertStall - b.expertStall,
});
