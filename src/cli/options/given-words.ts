import { CommanderError } from 'commander';
import { answerTo } from './foreign-flags.ts';
import { optionEntries } from './table.ts';

interface Flag {
  /** The flags as --help shows them. */
  readonly shown: string;
  readonly commands: readonly string[];
  readonly takesValue: boolean;
}

/** Every flag, short ones too: "-m" and "--memory-budget". */
const flags: readonly (readonly [name: string, flag: Flag])[] = optionEntries.flatMap(
  ([, { flags, commands, aliases = [] }]) =>
    [{ flags, commands }, ...aliases.map((alias) => ({ commands, ...alias }))].flatMap(({ flags: shown, commands }) => {
      const [names = ''] = shown.split(/ [<[]/);
      return names.split(', ').map((name) => [name, { shown, commands, takesValue: shown.includes(' <') }] as const);
    }),
);

/** The commands that take each flag. */
export function flagCommands(): ReadonlyMap<string, readonly string[]> {
  const commandsOf = new Map<string, string[]>();
  for (const [name, { commands }] of flags) commandsOf.set(name, [...(commandsOf.get(name) ?? []), ...commands]);
  return commandsOf;
}

/**
 * Finds what commander would misread in the words behind a command: a flag in place of another's value ("--lora -m 8G"),
 * and flags of other programs that begin with a letter of ours ("-ngl" is no "-n gl"). Throws CommanderError.
 */
export function checkWords(command: string, words: readonly string[]): void {
  const own = new Map(flags.filter(([, { commands }]) => commands.includes(command)));
  // A word that is no command is told before its options.
  if (own.size === 0) return;
  const end = words.indexOf('--');
  let before: Flag | undefined;
  for (const word of end < 0 ? words : words.slice(0, end)) {
    const name = word.replace(/=.*$/s, '');
    if (before) {
      if (own.has(name)) throw missingValue(before, word);
      before = undefined;
      continue;
    }
    const flag = own.get(word);
    if (flag?.takesValue) before = flag;
    if (/^-[a-z]{2,}$/i.test(name) && answerTo(name) !== undefined) throw unknownOption(name);
  }
}

const unknownOption = (name: string): CommanderError =>
  new CommanderError(1, 'commander.unknownOption', `error: unknown option '${name}'`);

function missingValue({ shown }: Flag, word: string): CommanderError {
  const long = /--[\w-]+/.exec(shown)?.[0] ?? shown;
  const way = `${word} is an option; a value that begins like one stands behind "=": ${long}=${word}`;
  return new CommanderError(1, 'commander.optionMissingArgument', `error: option '${shown}' argument missing\n${way}`);
}
