import { oneOfWords } from '../base/nearest-word.ts';
import { areWithin, textsExpected } from '../base/text-limits.ts';
import { belowZero, isWithin, samplingNames, samplingRanges } from '../sample/sampling-options.ts';
import { stopLimits } from '../text/stop-matcher.ts';

/** Parameters that models have beside those of sampling: numbers of tokens, of which a preset takes positive ones. */
const lengths: ReadonlySet<string> = new Set(['num_ctx', 'num_predict']);
/** Parameters of Ollama's that change nothing here. */
const withoutEffect: ReadonlySet<string> = new Set(
  (
    'num_keep num_batch num_gpu main_gpu num_thread use_mmap use_mlock numa low_vram f16_kv logits_all vocab_only ' +
    'penalize_newline tfs_z'
  ).split(' '),
);

const known: readonly string[] = [...Object.keys(samplingNames), ...lengths, 'stop'];

/** A parameter's value, or undefined with what was expected; a reason beside a value says why it changes nothing. */
export interface ParameterValue {
  readonly value: unknown;
  readonly reason: string;
}

const none = (reason: string): ParameterValue => ({ value: undefined, reason });
const some = (value: unknown): ParameterValue => ({ value, reason: '' });

/** The value of a parameter that comes with a model, from its text or as JSON has it. */
export function parameterValue(name: string, given: unknown): ParameterValue {
  if (name === 'stop') {
    const stops = [given].flat();
    const areTexts = stops.every((stop) => typeof stop === 'string');
    return areTexts && areWithin(stops, stopLimits) ? some(stops) : none(textsExpected(stopLimits));
  }
  if (withoutEffect.has(name)) return { value: given, reason: 'without effect here' };
  const option = Object.hasOwn(samplingNames, name) ? samplingNames[name as keyof typeof samplingNames] : undefined;
  if (!option && !lengths.has(name)) return none(`a parameter: ${oneOfWords(name, known)}`);
  const number = typeof given === 'string' && given.trim() !== '' ? Number(given) : given;
  if (typeof number !== 'number' || !Number.isFinite(number)) return none('a number');
  if (!option) return Number.isInteger(number) ? some(number) : none('a whole number');
  const { min, max, whole = false } = samplingRanges[option];
  const allowed =
    number < 0 && belowZero[option] !== undefined
      ? whole === false || Number.isInteger(number)
      : isWithin(number, samplingRanges[option]);
  // A seed below zero is a random one.
  return allowed || (option === 'seed' && Number.isInteger(number) && number < 0)
    ? some(number)
    : none(`${whole ? 'a whole number' : 'a number'} from ${min} to ${max}`);
}
