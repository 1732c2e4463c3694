import { InvalidArgumentError, type Option } from 'commander';
import { EngineError } from '../base/errors.ts';
import { samplingOptions } from '../sample/options.ts';
import { generationOptions } from './options.ts';

/** What shapes an answer, as `generationOptions` gives it. */
export interface Parameters {
  readonly maxTokens?: number | undefined;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly repeatPenalty: number;
  readonly seed?: number | undefined;
  readonly stop: readonly string[];
}

const options = generationOptions();

const nameOf = (option: Option): string => option.long?.slice('--'.length) ?? option.name();

/** The names of all parameters, in our spelling. */
export const parameterNames: readonly string[] = options.map(nameOf);

/** Our spelling of a parameter's name: top_k is top-k. Throws BAD_OPTION. */
export const parameterNamed = (name: string): string => nameOf(optionNamed(name));

/**
 * The parameters with another value for one: `default`, or what the command line takes; for `stop`, any number of texts,
 * in double quotes if they have spaces, or escapes like \n. Throws BAD_OPTION.
 */
export function withParameter(parameters: Parameters, name: string, value: string): Parameters {
  const option = optionNamed(name);
  try {
    const changed = { ...parameters, [option.attributeName()]: parse(option, value) };
    samplingOptions(changed);
    return changed;
  } catch (error) {
    const expected = `${expectationOf(error)}, or default`;
    throw new EngineError('BAD_OPTION', { option: nameOf(option), value, expected }, { cause: error });
  }
}

/** Each parameter with its value as text. */
export const parameterRows = (parameters: Parameters): readonly (readonly [string, string])[] =>
  options.map((option) => {
    const value = parameters[option.attributeName() as keyof Parameters] ?? '';
    const text = typeof value === 'object' ? value.map((text) => JSON.stringify(text)).join(' ') : `${value}`;
    return [nameOf(option), text || (option.defaultValueDescription ?? '')];
  });

function optionNamed(name: string): Option {
  const given = name.toLowerCase().replaceAll('_', '-');
  const wanted = given === 'num-predict' ? 'max-tokens' : given;
  const option = options.find((option) => nameOf(option) === wanted);
  if (option) return option;
  throw new EngineError('BAD_OPTION', {
    option: 'parameter',
    value: name,
    expected: `one of ${parameterNames.join(', ')}`,
  });
}

function parse(option: Option, value: string): unknown {
  const initial: unknown = option.defaultValue;
  const read = option.parseArg;
  if (value === 'default' || !read) return initial;
  return Array.isArray(initial)
    ? words(value).reduce<unknown>((all, word) => read(word, all), initial)
    : read(value, initial);
}

/** `a "b c"` -> ['a', 'b c'] */
const words = (text: string): readonly string[] =>
  (text.match(/"(?:[^"\\]|\\.)*"|\S+/gs) ?? []).map((word) => {
    try {
      return word.startsWith('"') ? String(JSON.parse(word)) : word;
    } catch {
      return word;
    }
  });

function expectationOf(error: unknown): string {
  if (error instanceof InvalidArgumentError) return error.message.replace(/^expected (.*)\.$/, '$1');
  if (error instanceof EngineError && error.code === 'BAD_OPTION') {
    return (error as EngineError<'BAD_OPTION'>).details.expected;
  }
  throw error;
}
