import { forecastToken, type LayerForecast, usualHits } from './expert-forecast.ts';
import type { ManifestEntry } from './manifest.ts';
import type { Plan } from './plan.ts';
import { routedBanks } from './routed-banks.ts';

/** Speeds of a machine, in bytes a second: of reading weights, and of multiplying with them. */
export interface Speeds {
  readonly read: number;
  readonly compute: number;
}

/**
 * Seconds of a token under `plan`, computed alone, near the start of a text: keys and values cost nothing yet. `manifest`
 * are the weights that the model reads.
 */
export function secondsOfToken(plan: Plan, manifest: readonly ManifestEntry[], { read, compute }: Speeds): number {
  const always = manifest.reduce((sum, { weight, experts }) => sum + (experts ? 0 : weight.extent.length), 0);
  const routed = routedBanks(manifest).map(({ experts, used, expertBytes }): LayerForecast => {
    const hits = plan.experts ? usualHits(Math.min(1, plan.experts.slots / experts)) : 1;
    return { always: 0, used, expert: expertBytes / compute, expertBytes, hits };
  });
  const layers = [...routed, { always: always / compute, used: 0, expert: 0, expertBytes: 0, hits: 1 }];
  const missed = layers.reduce((sum, { used, hits, expertBytes }) => sum + (1 - hits) * used * expertBytes, 0);
  // Weights that stream are read whenever no expert is.
  return Math.max(forecastToken(layers, read), (plan.bytesPerPass + missed) / read);
}
