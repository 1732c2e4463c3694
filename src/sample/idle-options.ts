import {
  defaultSampling,
  mergedSampling,
  type PartialSamplingOptions,
  type SamplingOptions,
} from './sampling-options.ts';

type OptionName = keyof SamplingOptions;

/** An option that was given and changes nothing, and the reason: it is none `without` one of others, or `beside` another. */
export interface IdleOption {
  readonly option: OptionName;
  readonly why: 'without' | 'beside';
  readonly others: readonly OptionName[];
}

/** Values with which a stage is off: to say so is no mistake, whatever else was given. */
const off: PartialSamplingOptions = {
  repeatPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
  repeatLastN: 0,
  dryMultiplier: 0,
  dryPenaltyLastN: 0,
  topNSigma: 0,
  topK: 0,
  typicalP: 1,
  topP: 1,
  minP: 0,
  xtcProbability: 0,
  dynatempRange: 0,
  mirostat: 0,
};

const penalties = ['repeatPenalty', 'presencePenalty', 'frequencyPenalty'] as const;
const dryDetails = ['dryBase', 'dryAllowedLength', 'drySequenceBreakers'] as const;
const truncation = ['topNSigma', 'topK', 'typicalP', 'topP', 'minP', 'xtcProbability', 'xtcThreshold'] as const;
const dynamicTemperature = ['dynatempRange', 'dynatempExponent'] as const;
const repetition = [...penalties, 'repeatLastN', 'dryMultiplier', 'dryPenaltyLastN', ...dryDetails] as const;
const mirostatDetails = ['mirostatTau', 'mirostatEta'] as const;

interface Rule {
  readonly options: readonly OptionName[];
  readonly why: IdleOption['why'];
  readonly others: readonly OptionName[];
  /** True if these options change nothing then. */
  readonly holds: (all: SamplingOptions) => boolean;
}

/** The first rule that holds for an option says why. */
const rules: readonly Rule[] = [
  {
    options: [...truncation, ...dynamicTemperature, ...mirostatDetails],
    why: 'beside',
    others: ['temperature'],
    holds: ({ temperature }) => temperature === 0,
  },
  {
    options: [...repetition, ...truncation, ...dynamicTemperature],
    why: 'beside',
    others: ['mirostat'],
    holds: ({ mirostat }) => mirostat > 0,
  },
  { options: mirostatDetails, why: 'without', others: ['mirostat'], holds: ({ mirostat }) => mirostat === 0 },
  {
    options: penalties,
    why: 'beside',
    others: ['repeatLastN'],
    holds: ({ repeatLastN }) => repeatLastN === 0,
  },
  {
    options: ['repeatLastN'],
    why: 'without',
    others: penalties,
    holds: (all) => penalties.every((option) => all[option] === off[option]),
  },
  {
    options: ['dryPenaltyLastN', ...dryDetails],
    why: 'without',
    others: ['dryMultiplier'],
    holds: ({ dryMultiplier }) => dryMultiplier === 0,
  },
  {
    options: ['dryMultiplier', ...dryDetails],
    why: 'beside',
    others: ['dryPenaltyLastN'],
    holds: ({ dryPenaltyLastN }) => dryPenaltyLastN === 0,
  },
  {
    options: ['xtcThreshold'],
    why: 'without',
    others: ['xtcProbability'],
    holds: ({ xtcProbability }) => xtcProbability === 0,
  },
  {
    options: ['xtcProbability'],
    why: 'beside',
    others: ['xtcThreshold'],
    holds: ({ xtcThreshold }) => xtcThreshold > 0.5,
  },
  {
    options: ['dynatempExponent'],
    why: 'without',
    others: ['dynatempRange'],
    holds: ({ dynatempRange }) => dynatempRange === 0,
  },
];

/** The options among `given` that change nothing, where `usual` are those of others that hold if nothing is given. */
export function idleOptions(given: PartialSamplingOptions, usual: PartialSamplingOptions = {}): readonly IdleOption[] {
  const all: SamplingOptions = { ...defaultSampling, ...mergedSampling(usual, given) };
  const names = Object.keys(mergedSampling(given)) as OptionName[];
  return names.flatMap((option) => {
    if (given[option] === off[option]) return [];
    const rule = rules.find(({ options, holds }) => options.includes(option) && holds(all));
    return rule ? [{ option, why: rule.why, others: rule.others }] : [];
  });
}

/** A sentence about an idle option, in which options have the names that users give them. */
export function idleReason(
  { option, why, others }: IdleOption,
  { all, nameOf }: { readonly all: PartialSamplingOptions; readonly nameOf: (option: OptionName) => string },
): string {
  const values = { ...defaultSampling, ...mergedSampling(all) };
  const named = others.map((other) => (why === 'beside' ? `${nameOf(other)} ${values[other]}` : nameOf(other)));
  const last = named.at(-1);
  const list = named.length > 1 ? `${named.slice(0, -1).join(', ')} or ${last}` : last;
  return `${nameOf(option)} changes nothing ${why} ${list}`;
}
