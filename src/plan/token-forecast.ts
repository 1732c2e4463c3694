import { at } from '../base/at.ts';
import { forecastToken, type LayerForecast, usualHits } from './expert-forecast.ts';
import type { ManifestEntry } from './manifest.ts';
import type { Plan } from './plan.ts';

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
  const routers = new Map<number, LayerForecast>();
  let always = 0;
  for (const { weight, experts } of manifest) {
    const { extent, shape } = weight;
    if (!experts) {
      always += extent.length;
      continue;
    }
    const count = at(shape, 2);
    const hits = plan.experts ? usualHits(Math.min(1, plan.experts.slots / count)) : 1;
    const expertBytes = (routers.get(experts.router)?.expertBytes ?? 0) + extent.length / count;
    const expert = expertBytes / compute;
    routers.set(experts.router, { always: 0, used: experts.used, expert, expertBytes, hits });
  }
  const layers = [...routers.values(), { always: always / compute, used: 0, expert: 0, expertBytes: 0, hits: 1 }];
  const missed = layers.reduce((sum, { used, hits, expertBytes }) => sum + (1 - hits) * used * expertBytes, 0);
  // Weights that stream are read whenever no expert is.
  return Math.max(forecastToken(layers, read), (plan.bytesPerPass + missed) / read);
}
