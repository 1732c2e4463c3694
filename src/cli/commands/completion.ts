import { EngineError } from '../../base/errors.ts';
import { longFlag } from '../options/flags.ts';
import type { CommandName } from '../options/option-spec.ts';
import { optionEntries, type Settings } from '../options/table.ts';
import { write } from '../print/output.ts';

/** A command with its meaning, as completion shows it. */
export interface CompletedCommand {
  readonly name: CommandName;
  readonly description: string;
}

const flagsOf = (command: CommandName): readonly string[] =>
  optionEntries
    .filter(([, { commands }]) => commands.includes(command))
    .flatMap(([, { flags, aliases = [] }]) => [
      longFlag(flags),
      ...aliases.filter(({ commands = [command] }) => commands.includes(command)).map(({ flags }) => longFlag(flags)),
    ]);

const bash = (commands: readonly CompletedCommand[]): string => `_ssd_llm() {
  local current="\${COMP_LINE:0:COMP_POINT}" flags=""
  current="\${current##* }"
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(' ')} help" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${commands.map(({ name }) => `    ${name}) flags="${flagsOf(name).join(' ')}" ;;`).join('\n')}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$(ssd-llm completion names 2>/dev/null)" -- "$current")) ;;
  esac
  # To bash a colon ends a word: what stands before it stays as it is.
  local before="\${current%"\${current##*:}"}"
  case "$COMP_WORDBREAKS" in
    *:*) COMPREPLY=("\${COMPREPLY[@]#"$before"}") ;;
  esac
}
complete -o default -F _ssd_llm ssd-llm
`;

/** Names are offered whole: to zsh a colon is a part of a word. */
const zsh = (
  commands: readonly CompletedCommand[],
): string => `(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
_ssd_llm() {
  local -a commands flags names
  if (( CURRENT == 2 )); then
    commands=(
${commands.map(({ name, description }) => `      '${name}:${description.replaceAll("'", "'\\''")}'`).join('\n')}
    )
    _describe command commands
    return
  fi
  case $words[2] in
${commands.map(({ name }) => `    ${name}) flags=(${flagsOf(name).join(' ')}) ;;`).join('\n')}
  esac
  if [[ $PREFIX == -* ]]; then
    compadd -- $flags
  else
    names=(\${(f)"$(ssd-llm completion names 2>/dev/null)"})
    compadd -- $names
    _files
  fi
}
compdef _ssd_llm ssd-llm
`;

const fish = (commands: readonly CompletedCommand[]): string =>
  [
    ...commands.map(
      ({ name, description }) =>
        `complete -c ssd-llm -n __fish_use_subcommand -f -a ${name} -d '${description.replaceAll("'", "\\'")}'`,
    ),
    ...commands.flatMap(({ name }) =>
      flagsOf(name).map((flag) => `complete -c ssd-llm -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)}`),
    ),
    "complete -c ssd-llm -n 'not __fish_use_subcommand' -a '(ssd-llm completion names 2>/dev/null)'",
    '',
  ].join('\n');

const shells: Readonly<Record<string, (commands: readonly CompletedCommand[]) => string>> = {
  bash,
  zsh,
  fish,
};

/** Prints what makes a shell complete commands, options and names; or the names. */
export async function completionCommand(
  settings: Settings,
  [wanted = '']: readonly string[],
  commands: readonly CompletedCommand[],
): Promise<void> {
  if (wanted === 'names') {
    const { openLibrary } = await import('../open-library.ts');
    const library = openLibrary({ models: settings.models, found: [] }, {}, () => {});
    return write(
      library
        .named()
        .map(({ name }) => `${name}\n`)
        .join(''),
    );
  }
  const script = shells[wanted];
  if (!script)
    throw new EngineError('BAD_OPTION', {
      option: 'completion',
      value: wanted,
      expected: Object.keys(shells).join(', '),
    });
  await write(script(commands));
}
