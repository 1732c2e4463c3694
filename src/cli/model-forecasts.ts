import { EngineError } from '../base/errors.ts';
import type { LibraryModel } from '../library/library.ts';
import type { ModelSettings } from '../model/model-options.ts';
import { planBytes } from '../plan/plan.ts';
import type { KernelSpeeds } from '../plan/token-forecast.ts';
import { openOutline } from '../runtime/model-outline.ts';
import { type ExpectedSpeed, expect } from './forecast.ts';

/** Milliseconds for all forecasts: graphs that are libllama's are tried first, which is remembered. */
const mostTime = 1500;

/** The memory that a model takes in bytes, null where it cannot run so, and its speed; null where it decodes nothing. */
export interface ModelForecast {
  readonly bytes: number | null;
  readonly speed: ExpectedSpeed | null;
  readonly kernels?: KernelSpeeds | undefined;
}

/** Forecasts of models under the settings; undefined for those that there was no time for. */
export async function modelForecasts(
  models: readonly LibraryModel[],
  settings: ModelSettings,
): Promise<readonly (ModelForecast | undefined)[]> {
  const began = performance.now();
  const forecasts: (ModelForecast | undefined)[] = [];
  // Kernels are measured for one model at most, which the others are likely to be as fast as.
  let likely: KernelSpeeds | undefined;
  for (const model of models) {
    const late = performance.now() - began > mostTime;
    const forecast = late ? undefined : await forecastOf(model, settings, likely);
    likely ??= forecast?.kernels;
    forecasts.push(forecast);
  }
  return forecasts;
}

async function forecastOf(
  { path, preset }: LibraryModel,
  settings: ModelSettings,
  likely: KernelSpeeds | undefined,
): Promise<ModelForecast> {
  try {
    const outline = openOutline(path, settings);
    using _ = outline.graphs;
    const { plan, speed, kernels } = await expect(outline, { ...settings, preset }, likely);
    return { bytes: planBytes(plan), speed, kernels };
  } catch (error) {
    if (error instanceof EngineError) return { bytes: null, speed: null };
    throw error;
  }
}
