import { EngineError } from '../../base/errors.ts';
import { oneOfWords } from '../../base/nearest-word.ts';
import { idleOptions, idleReason } from '../../sample/idle-options.ts';
import {
  defaultSampling,
  mergedSampling,
  type PartialSamplingOptions,
  type SamplingOptions,
} from '../../sample/sampling-options.ts';
import { type AnswerSettings, answerOptions } from './answer-options.ts';
import { longFlag } from './flags.ts';
import type { AnyOption } from './option-spec.ts';
import { accept } from './schemas.ts';

/** Settings of an answer that can be changed between answers. */
export type Parameters = AnswerSettings;

type Entry = readonly [key: keyof Parameters, spec: AnyOption];

const entries = Object.entries(answerOptions) as readonly Entry[];

const samplingKeys = Object.keys(defaultSampling) as readonly (keyof SamplingOptions)[];

const nameOf = ([, { flags }]: Entry): string => longFlag(flags).slice('--'.length);

/** The names of all parameters, in our spelling. */
export const parameterNames: readonly string[] = entries.map(nameOf);

/** Our spelling of a parameter's name: top_k is top-k. Throws BAD_OPTION. */
export const parameterNamed = (name: string): string => nameOf(entryNamed(name));

/** The parameters among settings. */
export const parametersOf = (settings: Parameters): Parameters =>
  // `entries` has a row for each parameter; `fromEntries` forgets their names.
  Object.fromEntries(entries.map(([key]) => [key, settings[key]])) as unknown as Parameters;

/**
 * The parameters with another value for one: `default`, or what the command line takes; for `stop`, any number of
 * texts, in double quotes if they have spaces, or escapes like \n. Throws BAD_OPTION.
 */
export function withParameter(parameters: Parameters, name: string, value: string): Parameters {
  const entry = entryNamed(name);
  const [key, { schema, repeats, default: usual }] = entry;
  if (value === 'default') return { ...parameters, [key]: usual };
  const refusal = (expected: string): Error =>
    new EngineError('BAD_OPTION', { option: nameOf(entry), value, expected: `${expected}, or default` });
  return { ...parameters, [key]: accept(schema, repeats ? words(value) : value, refusal) };
}

/** The options of sampling among settings: those that are not given are undefined. */
const samplingIn = (parameters: Parameters): PartialSamplingOptions =>
  Object.fromEntries(samplingKeys.map((key) => [key, parameters[key]]));

/**
 * A sentence about each parameter that changes nothing beside the others, and those that the model recommends; names have
 * `prefix` before them.
 */
export const idleParameters = (
  parameters: Parameters,
  recommended: PartialSamplingOptions,
  { prefix, only }: { readonly prefix: string; readonly only?: string },
): readonly string[] => {
  const given = samplingIn(parameters);
  const all = { ...recommended, ...mergedSampling(given) };
  const nameOfKey = (key: keyof SamplingOptions): string => `${prefix}${nameOf([key, answerOptions[key]])}`;
  return idleOptions(given, recommended)
    .filter(({ option }) => only === undefined || nameOf([option, answerOptions[option]]) === only)
    .map((idle) => idleReason(idle, { all, nameOf: nameOfKey }));
};

/** Each parameter with its value as text. */
export const parameterRows = (parameters: Parameters): readonly (readonly [string, string])[] =>
  entries.map((entry) => {
    const [key, { byDefault = '' }] = entry;
    const value = parameters[key] ?? '';
    const text = typeof value === 'object' ? value.map((text) => JSON.stringify(text)).join(' ') : `${value}`;
    return [nameOf(entry), text || byDefault];
  });

function entryNamed(name: string): Entry {
  const given = name.toLowerCase().replaceAll('_', '-');
  const wanted = given === 'num-predict' ? 'max-tokens' : given;
  const entry = entries.find((entry) => nameOf(entry) === wanted);
  if (entry) return entry;
  throw new EngineError('BAD_OPTION', {
    option: 'parameter',
    value: name,
    expected: oneOfWords(name, parameterNames),
  });
}

/** Words of a text: `a "b c"` -> ['a', 'b c']. */
const words = (text: string): readonly string[] =>
  (text.match(/"(?:[^"\\]|\\.)*"|\S+/gs) ?? []).map((word) => {
    try {
      return word.startsWith('"') ? String(JSON.parse(word)) : word;
    } catch {
      return word;
    }
  });
