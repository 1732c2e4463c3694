import { type Command, InvalidArgumentError, Option } from 'commander';
import type { AnyOption, CommandName } from './option-spec.ts';
import { accept } from './schemas.ts';
import { type OptionName, optionEntries, optionGroups } from './table.ts';

/** A value, and its origin: "--port", "SSD_LLM_PORT", "config.toml: port". */
export interface GivenOption {
  readonly value: unknown;
  readonly from: string;
}

export type GivenOptions = Readonly<Partial<Record<OptionName, GivenOption>>>;

/** The long flag: "-m, --memory-budget <size>" -> "--memory-budget". */
export const longFlag = (flags: string): string => /--[\w-]+/.exec(flags)?.[0] ?? flags;

/** An option of `Model.open` as the flag that sets it; other names stay as they are. */
export function flagNamed(option: string): string {
  const found = optionEntries.find(([key, spec]) => (spec.option ?? key) === option);
  return found ? longFlag(found[1].flags) : option;
}

/**
 * Adds the options of the command of this name. Flags of commands that take nothing else are refused here, in commander's
 * words; those of others, whose values may come from elsewhere, when they become settings.
 */
export function withOptions(command: Command): Command {
  for (const [heading, specs] of Object.entries(optionGroups)) {
    for (const [key, spec] of Object.entries(specs)) {
      for (const option of flagsOf(command, key, spec)) command.addOption(option.helpGroup(heading));
    }
  }
  return command;
}

/** The flags of an option in a command: none if the command does not have it. */
function flagsOf(command: Command, key: string, spec: AnyOption): readonly Option[] {
  const name = command.name() as CommandName;
  if (!spec.commands.includes(name)) return [];
  const { help, byDefault = spec.default } = { ...spec, ...spec.words?.[name] };
  const shown = byDefault === undefined || byDefault === false ? help : `${help} (default: ${byDefault})`;
  const option = new Option(spec.flags, shown).conflicts([...(spec.conflicts ?? [])]);
  const aliases = (spec.aliases ?? [])
    .filter(({ commands = spec.commands }) => commands.includes(name))
    .map((alias) => new Option(alias.flags, alias.help ?? `the same as ${option.long}`).preset(alias.value));
  // Optional values are put in by `withBareOptions`.
  if (!option.required && !option.optional) option.preset(true);
  return [option, ...aliases].map((one) => {
    one.attributeName = () => key;
    return one.argParser((value: unknown, previous: GivenOption | undefined): GivenOption => {
      const from = longFlag(one.flags);
      // A flag and its negation do not contradict each other: the later one holds, as is usual.
      const twice = !spec.repeats && previous && previous.from !== from && previous.value !== value;
      if (twice && typeof value !== 'boolean') {
        command.error(`error: option '${from}' cannot be used with option '${previous.from}'`);
      }
      const given = spec.repeats ? [...((previous?.value ?? []) as readonly unknown[]), value] : value;
      // A wrong value is reported before a missing argument: the model may stand after -m.
      if (!isConfigurable(command)) {
        accept(spec.schema, given, (expected) => new InvalidArgumentError(`expected ${expected}.`));
      }
      return { value: given, from };
    });
  });
}

/** Commands whose options may come from the environment and a configuration file, too. */
const configurableCommands: readonly CommandName[] = ['serve', 'list', 'ps'];

/** True if a command's options may come from the environment and a configuration file, too. */
export const isConfigurable = (command: Command): boolean =>
  configurableCommands.includes(command.name() as CommandName);
