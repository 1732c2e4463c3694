import { formatBytes } from '../../base/bytes.ts';
import { duration } from './duration.ts';

/** Progress: bytes loaded, or tokens processed with the bytes that were read for them. */
export interface ProgressState {
  readonly done: number;
  readonly total: number;
  /** The part of `done` that was there at the beginning; default: none. */
  readonly before?: number;
  /** Bytes read, if `done` and `total` are tokens; if they are bytes, undefined. */
  readonly bytes?: number;
}

/** Seconds before the time left is told: the first parts, with all that has to begin, say little of the others. */
const firstEstimate = 1;

/**
 * A line like "loading  1.2 GiB of 3.4 GiB  2.1 GiB/s  1s left" or "prompt  70 of 512 tokens  9.1 GiB read  1.1 GiB/s
 * 40s left".
 */
export function progressLine(
  title: string,
  { done, total, before = 0, bytes }: ProgressState,
  seconds: number,
): string {
  const rate = seconds > 0 ? (done - before) / seconds : 0;
  const moved = bytes ?? done - before;
  const speed = seconds > 0 && moved > 0 ? `${formatBytes(moved / seconds)}/s` : '';
  const left = rate > 0 && seconds >= firstEstimate ? `${duration(Math.ceil((total - done) / rate))} left` : '';
  const counted =
    bytes === undefined
      ? `${formatBytes(done)} of ${formatBytes(total)}`
      : `${Math.floor(done)} of ${total} tokens  ${formatBytes(bytes)} read`;
  return [title, counted, speed, left].filter(Boolean).join('  ');
}
