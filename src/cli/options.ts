import { type Command, InvalidArgumentError, Option } from 'commander';
import { EngineError } from '../base/errors.ts';
import { parseBytes } from '../base/size.ts';
import type { DraftOptions } from '../engine/drafter.ts';
import type { Kernels } from '../engine/planner.ts';
import { defaultSampling } from '../sample/options.ts';

/** Makes commander report what `parse` throws as a usage error of the option. */
const checked =
  <T>(parse: (text: string) => T) =>
  (text: string): T => {
    try {
      return parse(text);
    } catch (error) {
      if (error instanceof EngineError) throw new InvalidArgumentError(error.message);
      throw error;
    }
  };

export const number = (expected: string, valid: (n: number) => boolean): ((text: string) => number) =>
  checked((text) => {
    const n = text.trim() === '' ? Number.NaN : Number(text);
    if (!Number.isFinite(n) || !valid(n)) throw new InvalidArgumentError(`expected ${expected}.`);
    return n;
  });

export const whole = (
  expected: string,
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
): ((text: string) => number) => number(expected, (n) => Number.isInteger(n) && n >= min && n <= max);

/** A size in bytes, 0, or auto. */
export const sizeOrNone: (text: string) => number | 'auto' = checked((text) =>
  text === 'auto' ? text : Number(text) === 0 && text.trim() !== '' ? 0 : parseBytes(text),
);

/** Says in --help too what holds if the option is left out: commander shows values only. */
export function unless(option: Option, text: string): Option {
  option.description += ` (default: ${text})`;
  return option.default(undefined, text);
}

const orAuto: WeakSet<Option> = new WeakSet();

/** An option that takes `auto` too, which is the same as leaving the option out. */
export function withAuto(option: Option): Option {
  const parse = option.parseArg;
  orAuto.add(option);
  return option.argParser((text: string, previous: unknown) => (text === 'auto' ? text : parse?.(text, previous)));
}

/** Before `command` acts: each `auto` that is the same as nothing becomes nothing. (Commander makes what parses so ''.) */
export function dropAuto(_: Command, command: Command): void {
  for (const option of command.options) {
    const name = option.attributeName();
    if (orAuto.has(option) && command.getOptionValue(name) === 'auto') command.setOptionValue(name, undefined);
  }
}

/** What `budgetOption`, `contextOption`, `kernelsOption` and `threadsOption` give. */
export interface MachineFlags {
  /** Bytes. */
  readonly memoryBudget?: number | 'auto' | undefined;
  /** Tokens. */
  readonly ctx?: number | undefined;
  readonly kernels: Kernels;
  readonly threads?: number | undefined;
}

/** `--memory-budget`: bytes, or auto. */
export const budgetOption = (): Option =>
  unless(
    new Option('-m, --memory-budget <size>', 'memory for everything: 8G, 1.5G, 512M, bytes, or auto'),
    'auto, most of what is free',
  ).argParser(checked((text: string) => (text === 'auto' ? text : parseBytes(text))));

/** Bytes, or undefined for most of what is free. (An option's parser cannot say that: commander makes undefined ''.) */
export const budgetOf = ({ memoryBudget }: Pick<MachineFlags, 'memoryBudget'>): number | undefined =>
  memoryBudget === 'auto' ? undefined : memoryBudget;

export const contextOption = (): Option =>
  withAuto(
    unless(new Option('-c, --ctx <tokens>', 'context length'), 'auto, up to 4096, or what the prompt needs').argParser(
      whole('a number of tokens', 1),
    ),
  );

/** Another name of `option`, in --help too: what is given to either counts, the last of them. */
export function alias(name: string, option: Option): Option {
  const other = new Option(`--${name} <${option.flags.replace(/^.*<|>$/g, '')}>`, `the same as ${option.long}`);
  other.attributeName = () => option.attributeName();
  if (option.parseArg) other.argParser(option.parseArg);
  return orAuto.has(option) ? withAuto(other) : other;
}

export const kernelsOption = (): Option =>
  new Option('--kernels <kind>', 'auto: the fastest; plain: the same bits at every budget')
    .choices(['auto', 'plain'])
    .default('auto');

export const threadsOption = (): Option =>
  withAuto(
    unless(new Option('-t, --threads <n>', 'threads that share each matrix product'), 'auto, one per core').argParser(
      whole('a number of threads from 1 to 512', 1, 512),
    ),
  );

/** What `draftOptions` give. */
export interface DraftFlags {
  readonly draftNgram?: boolean | undefined;
  readonly draftModel?: string | undefined;
  readonly draftAhead?: number | undefined;
  readonly adaptiveDraft?: boolean | undefined;
}

/** How the engine guesses ahead. */
export const draftOptions = (): readonly Option[] => [
  new Option('--draft-ngram', 'guess ahead by what followed earlier in the text, so that a pass yields several tokens'),
  new Option('--draft-model <file>', 'a small model with the same vocabulary that guesses ahead'),
  withAuto(
    unless(new Option('--draft-ahead <n>', 'the most tokens guessed at once'), '15').argParser(
      whole('a number of tokens from 1 to 64', 1, 64),
    ),
  ),
  new Option('--adaptive-draft', 'guess as many as pay, by what passes take and how many guesses come true').default(
    true,
  ),
  new Option('--no-adaptive-draft', 'guess as many as there are'),
];

/** As a model wants it. */
export const draftOf = ({ draftNgram, draftModel, draftAhead, adaptiveDraft }: DraftFlags): DraftOptions => ({
  ngram: draftNgram,
  model: draftModel,
  ahead: draftAhead,
  adaptive: adaptiveDraft,
});

/** What a benchmark measures, and how much of it. */
export const measureOptions = (): readonly Option[] => [
  new Option('--tokens <n>', 'tokens to decode in each round').default(16).argParser(whole('a number of tokens', 1)),
  new Option('--prompt-tokens <n>', 'tokens of each prompt').default(128).argParser(whole('a number of tokens', 1)),
  new Option('-p, --prompt <text>', 'text to answer instead of made-up tokens').conflicts('promptTokens'),
  new Option('--rounds <n>', 'times that everything is measured').default(3).argParser(whole('a number of rounds', 1)),
];

/** What shapes an answer: how many tokens, and how each is chosen. */
export const generationOptions = (): readonly Option[] => [
  unless(new Option('-n, --max-tokens <n>', 'longest answer, in tokens'), 'as the context allows').argParser(
    whole('a number of tokens', 0),
  ),
  new Option('--temperature <t>', 'randomness; 0 always takes the likeliest token')
    .default(defaultSampling.temperature)
    .argParser(number('a number from 0 on', (n) => n >= 0)),
  new Option('--top-k <k>', 'choose among the k likeliest tokens; 0 is all')
    .default(defaultSampling.topK)
    .argParser(whole('a whole number from 0 on', 0)),
  new Option('--top-p <p>', 'choose among the likeliest tokens that together have this probability')
    .default(defaultSampling.topP)
    .argParser(number('a number from 0 to 1', (n) => n >= 0 && n <= 1)),
  new Option('--min-p <p>', 'leave out tokens less likely than p times the likeliest')
    .default(defaultSampling.minP)
    .argParser(number('a number from 0 to 1', (n) => n >= 0 && n <= 1)),
  new Option('--repeat-penalty <r>', 'make recent tokens less likely; 1 is off')
    .default(defaultSampling.repeatPenalty)
    .argParser(number('a number above 0', (n) => n > 0)),
  unless(new Option('--seed <n>', 'the same seed gives the same answer'), 'random').argParser(
    whole('a whole number from 0 to 4294967294', 0, 2 ** 32 - 2),
  ),
  new Option('--stop <text>', 'text that ends the answer and is not printed; may be given more than once')
    .default([], 'none')
    .argParser((text: string, previous: readonly string[]) => [...previous, text]),
];
