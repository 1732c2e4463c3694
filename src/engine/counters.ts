import type { Forward } from '../run/forward.ts';
import type { Reader } from '../stream/reader.ts';

/** Whatever counts what passes take. */
export interface Counting {
  readonly reader: Pick<Reader, 'bytesRead' | 'busySeconds'>;
  readonly forward: Pick<Forward, 'computeSeconds'>;
  readonly stallSeconds: number;
}

/** How far things have come: bytes, and seconds. */
export interface Counters {
  readonly time: number;
  readonly bytes: number;
  /** While something was being read. */
  readonly io: number;
  readonly compute: number;
  /** Waiting for what streams. */
  readonly stall: number;
}

export const countersOf = ({ reader, stallSeconds, forward }: Counting): Counters => ({
  time: performance.now() / 1000,
  bytes: reader.bytesRead,
  io: reader.busySeconds,
  compute: forward.computeSeconds,
  stall: stallSeconds,
});

/** What lies between two readings. */
export const difference = (a: Counters, b: Counters): Counters => ({
  time: a.time - b.time,
  bytes: a.bytes - b.bytes,
  io: a.io - b.io,
  compute: a.compute - b.compute,
  stall: a.stall - b.stall,
});
