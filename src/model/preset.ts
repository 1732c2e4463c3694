import type { Message } from '../chat/message.ts';
import type { LoraOption } from '../runtime/lora-adapters.ts';
import {
  belowZero,
  isWithin,
  type PartialSamplingOptions,
  samplingNames,
  samplingRanges,
} from '../sample/sampling-options.ts';

/**
 * Settings that come with a model beside its file, as Ollama's Modelfiles have them. Requests win over them, and they over
 * the file.
 *
 * @example const preset: Preset = { system: 'Answer in one word.', parameters: { temperature: 0, stop: ['\n'] } };
 */
export interface Preset {
  /** Instructions for conversations that begin without any. */
  readonly system?: string | undefined;
  /** Messages before each conversation. */
  readonly messages?: readonly Message[] | undefined;
  /** Parameters by Ollama's names: temperature, top_k, stop, num_ctx, … */
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
  /** Source of a chat template, in Go's notation as Ollama has it. */
  readonly template?: string | undefined;
  /** Files of LoRA adapters, and the scale of each. */
  readonly adapters?: readonly { readonly file: string; readonly scale: number }[] | undefined;
  readonly license?: string | undefined;
}

/** The sampling of a preset; parameters out of range are left out. */
export const presetSampling = ({ parameters = {} }: Preset = {}): PartialSamplingOptions =>
  Object.fromEntries(
    Object.entries(samplingNames).flatMap(([name, option]) => {
      const given = parameters[name];
      if (typeof given !== 'number') return [];
      const value = given < 0 ? (belowZero[option] ?? given) : given;
      return isWithin(value, samplingRanges[option]) ? [[option, value]] : [];
    }),
  );

const stopsOf = ({ parameters = {} }: Preset = {}): readonly string[] =>
  [parameters['stop']].flat().filter((stop): stop is string => typeof stop === 'string' && stop !== '');

const positive = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : undefined;

/** Tokens of the context that is asked for; else those of the preset, no more than the model was trained for. */
export function contextOf(
  { context, preset }: { readonly context?: number | undefined; readonly preset?: Preset | undefined },
  trained: number,
): number | undefined {
  const own = positive(preset?.parameters?.['num_ctx']);
  return context ?? (own && Math.min(own, trained));
}

interface AdapterOptions {
  readonly loras?: readonly LoraOption[] | undefined;
  readonly preset?: Preset | undefined;
}

/** The options of a model with the adapters of its preset before those that are asked for. */
export const withAdapters = <T extends AdapterOptions>(options: T): T => ({
  ...options,
  loras: [
    ...(options.preset?.adapters ?? []).map(({ file, scale }) => ({ path: file, scale })),
    ...(options.loras ?? []),
  ],
});

interface AnswerLimits {
  readonly maxTokens?: number | undefined;
  readonly stop?: readonly string[] | undefined;
  readonly thinkBudget?: number | undefined;
}

interface Defaults {
  readonly preset?: Preset | undefined;
  readonly thinkBudget?: number | undefined;
}

/** The options of an answer; where they say nothing, with the length and the stop texts of the preset, and the budget. */
export const withDefaults = <T extends AnswerLimits>({ preset, thinkBudget }: Defaults, options: T): T => ({
  ...options,
  thinkBudget: options.thinkBudget ?? thinkBudget,
  maxTokens: options.maxTokens ?? positive(preset?.parameters?.['num_predict']),
  stop: options.stop?.length ? options.stop : stopsOf(preset),
});
