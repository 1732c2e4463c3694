import { EngineError } from '../base/errors.ts';
import type { LibraryModel } from '../library/library.ts';
import type { ModelSettings } from '../model/model-options.ts';
import { withAdapters } from '../model/preset.ts';
import type { FasterWay } from '../plan/faster-ways.ts';
import type { KernelSpeeds } from '../plan/machine-speeds.ts';
import { planBytes } from '../plan/plan.ts';
import { openOutline } from '../runtime/model-outline.ts';
import { FirstCalibrations } from './first-calibration.ts';
import { type ExpectedSpeed, Outlook } from './forecast.ts';

/** Milliseconds for all forecasts but the first: graphs that are libllama's are tried first, which is remembered. */
const mostTime = 1500;

/** The memory that a model takes in bytes, null where it cannot run so, and its speed; null where it decodes nothing. */
export interface ModelForecast {
  readonly bytes: number | null;
  readonly speed: ExpectedSpeed | null;
  readonly faster: readonly FasterWay[];
  readonly kernels?: KernelSpeeds | undefined;
}

/** Forecasts of models under the settings; undefined for those that there was no time for. */
export async function modelForecasts(
  models: readonly LibraryModel[],
  settings: ModelSettings,
): Promise<readonly (ModelForecast | undefined)[]> {
  let began: number | undefined;
  // Each storage is calibrated once.
  const calibrations = new FirstCalibrations();
  const forecasts: (ModelForecast | undefined)[] = [];
  // Kernels are measured for one model at most, which the others are likely to be as fast as.
  let likely: KernelSpeeds | undefined;
  for (const model of models) {
    const late = began !== undefined && performance.now() - began > mostTime;
    const forecast = late ? undefined : await forecastOf(model, settings, { calibrations, likely });
    began ??= performance.now();
    likely ??= forecast?.kernels;
    forecasts.push(forecast);
  }
  return forecasts;
}

async function forecastOf(
  { path, preset }: LibraryModel,
  settings: ModelSettings,
  how: { readonly calibrations: FirstCalibrations; readonly likely: KernelSpeeds | undefined },
): Promise<ModelForecast> {
  try {
    const options = { ...settings, preset };
    const outline = openOutline(path, withAdapters(options));
    using _ = outline.graphs;
    using outlook = new Outlook(outline, options, { ...how, hurried: true });
    const expected = await outlook.expect();
    const { plan, speed, kernels } = expected;
    return { bytes: planBytes(plan), speed, faster: await outlook.faster(expected), kernels };
  } catch (error) {
    if (error instanceof EngineError) return { bytes: null, speed: null, faster: [] };
    throw error;
  }
}
