import { at } from '../base/at.ts';
import { forecastToken, type LayerForecast } from './expert-forecast.ts';
import type { Plan } from './plan.ts';

/** The passes of an answer, as they were computed. Bytes and seconds are those of all passes. */
export interface DecodedPasses {
  readonly passes: number;
  /** Bytes that were read, experts among them. */
  readonly bytes: number;
  /** Seconds that computing them takes while nothing is read. */
  readonly computing: number;
  /** Experts that have slots, by router: those that were asked for, and those of them that were there. */
  readonly experts: readonly { readonly asked: number; readonly hits: number }[];
}

/**
 * Seconds that passes under `plan` would take if reading, at `rate` bytes a second, and computing, each as fast as alone,
 * overlapped as far as they can: weights that stream are read at any time, but experts when their router has been computed.
 */
export function decodeLimit(plan: Plan, { passes, bytes, computing, experts }: DecodedPasses, rate: number): number {
  if (passes === 0) return 0;
  const banks = plan.experts?.banks ?? [];
  const always = plan.slices.reduce(
    (sum, { id, extent }) => sum + (at(plan.placements, id).kind === 'experts' ? 0 : extent.length),
    0,
  );
  const routed = banks.reduce((sum, { expertBytes }, i) => sum + expertBytes * at(experts, i).asked, 0) / passes;
  /** Seconds of computing a byte: no kernel is told from another. */
  const cost = computing / passes / (always + routed);
  const layers = banks.map(({ expertBytes }, i): LayerForecast => {
    const { asked, hits } = at(experts, i);
    const expert = cost * expertBytes;
    return { always: 0, used: asked / passes, expert, expertBytes, hits: asked > 0 ? hits / asked : 1 };
  });
  const rest = { always: cost * always, used: 0, expert: 0, expertBytes: 0, hits: 1 };
  return passes * Math.max(forecastToken([rest, ...layers], rate), bytes / passes / rate);
}

/**
 * The seconds of computing alone, and the bytes a second of reading alone; but where other work was in the way of one of
 * them, those that were seen while decoding `bytes`, which took so many seconds each of computing and of reading.
 */
export const atLeastAsSeen = (
  alone: { readonly computing: number; readonly rate: number },
  seen: { readonly bytes: number; readonly computing: number; readonly reading: number },
): { readonly computing: number; readonly rate: number } => ({
  computing: Math.min(alone.computing, seen.computing),
  rate: seen.reading > 0 ? Math.max(alone.rate, seen.bytes / seen.reading) : alone.rate,
});
