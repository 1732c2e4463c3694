import type { Forward } from '../exec/forward.ts';
import type { Reader } from '../pager/reader.ts';

/** Parts of a runtime that count the work of passes. */
export interface CounterSource {
  readonly reader: Pick<Reader, 'bytesRead' | 'busySeconds'>;
  readonly forward: Pick<Forward, 'computeSeconds'>;
  readonly stallSeconds: number;
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
}

export const countersOf = ({ reader, stallSeconds, forward }: CounterSource): Counters => ({
  time: performance.now() / 1000,
  bytes: reader.bytesRead,
  io: reader.busySeconds,
  compute: forward.computeSeconds,
  stall: stallSeconds,
});

/** The work between two readings of the counters. */
export const countersBetween = (a: Counters, b: Counters): Counters => ({
  time: a.time - b.time,
  bytes: a.bytes - b.bytes,
  io: a.io - b.io,
  compute: a.compute - b.compute,
  stall: a.stall - b.stall,
});
