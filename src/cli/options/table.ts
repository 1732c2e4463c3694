import { type AnswerSettings, answerOptions } from './answer-options.ts';
import { type CommandSettings, commandOptions } from './command-options.ts';
import { type EngineSettings, engineOptions } from './engine-options.ts';
import type { AnyOption, OptionSpecs } from './option-spec.ts';
import { type ServerSettings, serverOptions } from './server-options.ts';

/** The values of all options. Options that a command does not have are undefined or defaults. */
export interface Settings extends CommandSettings, AnswerSettings, EngineSettings, ServerSettings {}

export type OptionName = keyof Settings;

/** The groups of options, by the headings that they have in --help. */
export const optionGroups: Readonly<Record<string, Partial<OptionSpecs<Settings>>>> = {
  'Options:': commandOptions,
  'Server:': serverOptions,
  'Model:': engineOptions,
  'Answers:': answerOptions,
};

/** Every option with its name, declared once. */
export const optionEntries: readonly (readonly [OptionName, AnyOption])[] = Object.values(optionGroups).flatMap(
  (specs) => Object.entries(specs) as [OptionName, AnyOption][],
);
