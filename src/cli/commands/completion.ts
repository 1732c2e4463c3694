import { EngineError } from '../../base/errors.ts';
import { type ValueKind, valueKind } from '../options/choices.ts';
import { longFlag } from '../options/flags.ts';
import type { CommandName } from '../options/option-spec.ts';
import { optionEntries, type Settings } from '../options/table.ts';
import { write } from '../print/output.ts';

/** A command with its meaning, as completion shows it. */
export interface CompletedCommand {
  readonly name: CommandName;
  readonly description: string;
}

/** A flag of a command. */
interface Flag {
  /** "--memory-budget", and "-m" where there is one. */
  readonly long: string;
  readonly short: string | undefined;
  /** The kind of its value; undefined where it takes none, or one that may be left out and that no shell could offer. */
  readonly value: ValueKind | undefined;
}

const flagsOf = (command: CommandName): readonly Flag[] =>
  optionEntries
    .filter(([, { commands }]) => commands.includes(command))
    .flatMap(([, { flags, aliases = [], schema }]) =>
      [{ flags }, ...aliases.filter(({ commands = [command] }) => commands.includes(command))].map(({ flags }) => {
        const value = valueKind(flags, { schema });
        return {
          long: longFlag(flags),
          short: /^-\w/.exec(flags)?.[0],
          value: flags.includes(' [') && value?.kind !== 'choices' ? undefined : value,
        };
      }),
    );

const longFlags = (command: CommandName): string =>
  flagsOf(command)
    .map(({ long }) => long)
    .join(' ');

/**
 * Patterns "command:flag" of all flags with values, by kind of these: of all commands, "*:--ctx", where no command has the
 * flag otherwise.
 */
function valuePatterns(commands: readonly CompletedCommand[]): readonly (readonly [ValueKind, pattern: string])[] {
  const kinds = new Map<string, Map<string, ValueKind | undefined>>();
  for (const { name } of commands) {
    for (const { long, short, value } of flagsOf(name)) {
      for (const flag of [long, ...(short ? [short] : [])]) {
        const ofFlag = kinds.get(flag) ?? new Map();
        kinds.set(flag, ofFlag.set(name, value));
      }
    }
  }
  const patterns = new Map<string, string[]>();
  for (const [flag, byCommand] of kinds) {
    const isOne = new Set([...byCommand.values()].map((value) => JSON.stringify(value))).size === 1;
    for (const [name, value] of isOne ? [['*', [...byCommand.values()][0]] as const] : byCommand) {
      if (value === undefined) continue;
      const key = JSON.stringify(value);
      patterns.set(key, [...(patterns.get(key) ?? []), `${name}:${flag}`]);
    }
  }
  return [...patterns].map(([key, each]) => [JSON.parse(key) as ValueKind, each.join('|')] as const);
}

const names = 'ssd-llm completion names 2>/dev/null';

/** Commands in a shell that offer values of a kind. */
type Offers = (value: ValueKind) => string;

const casesOf = (commands: readonly CompletedCommand[], offer: Offers): string =>
  [
    ...valuePatterns(commands).map(([value, pattern]) => `    ${pattern}) ${offer(value)} ;;`),
    `    completion:completion) ${offer({ kind: 'choices', choices: Object.keys(shells) })} ;;`,
    `    help:help) ${offer({ kind: 'choices', choices: commands.map(({ name }) => name) })} ;;`,
  ].join('\n');

// Where there are no words, bash offers files.
const bashOffers: Offers = (value) => {
  switch (value.kind) {
    case 'choices':
      return `offered="${value.choices.join(' ')}"`;
    case 'model':
      return `offered="$(${names})"`;
    case 'folder':
      return `IFS=$'\\n'; COMPREPLY=($(compgen -d -- "$current")); return`;
    case 'file':
      return 'return';
    default:
      return 'compopt +o default 2>/dev/null; return';
  }
};

const bash = (commands: readonly CompletedCommand[]): string => `_ssd_llm() {
  local line="\${COMP_LINE:0:COMP_POINT}" current previous flags="" offered="" IFS=$' \\t\\n'
  current="\${line##* }"
  previous="\${line% *}"
  previous="\${previous##* }"
  case "$current" in
    --*=*) previous="\${current%%=*}"; current="\${current#*=}" ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${commands.map(({ name }) => name).join(' ')} help" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}:$previous" in
${casesOf(commands, bashOffers)}
  esac
  case "\${COMP_WORDS[1]}" in
${commands.map(({ name }) => `    ${name}) flags="${longFlags(name)}" ;;`).join('\n')}
  esac
  case "$offered:$current" in
    :-*) offered="$flags" ;;
    :*) offered="$(${names})" ;;
  esac
  COMPREPLY=($(compgen -W "$offered" -- "$current"))
  # To bash a colon ends a word: what stands before it stays as it is.
  local before="\${current%"\${current##*:}"}"
  case "$COMP_WORDBREAKS" in
    *:*) COMPREPLY=("\${COMPREPLY[@]#"$before"}") ;;
  esac
}
complete -o default -F _ssd_llm ssd-llm
`;

const zshOffers: Offers = (value) => {
  switch (value.kind) {
    case 'choices':
      return `compadd -- ${value.choices.join(' ')}; return`;
    case 'model':
      return `compadd -- \${(f)"$(${names})"}; _files; return`;
    case 'folder':
      return '_files -/; return';
    case 'file':
      return '_files; return';
    default:
      return 'return';
  }
};

/** Names are offered whole: to zsh a colon is a part of a word. */
const zsh = (
  commands: readonly CompletedCommand[],
): string => `(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
_ssd_llm() {
  local -a commands flags
  local previous=$words[CURRENT-1]
  if (( CURRENT == 2 )); then
    commands=(
${commands.map(({ name, description }) => `      '${name}:${description.replaceAll("'", "'\\''")}'`).join('\n')}
    )
    _describe command commands
    return
  fi
  if [[ $PREFIX == --*=* ]]; then
    previous=\${PREFIX%%=*}
    compset -P '*='
  fi
  case $words[2]:$previous in
${casesOf(commands, zshOffers)}
  esac
  case $words[2] in
${commands.map(({ name }) => `    ${name}) flags=(${longFlags(name)}) ;;`).join('\n')}
  esac
  if [[ $PREFIX == -* ]]; then
    compadd -- $flags
  else
    compadd -- \${(f)"$(${names})"}
    _files
  fi
}
compdef _ssd_llm ssd-llm
`;

/** The options of fish's "complete" for a value. */
function fishValue(value: ValueKind | undefined): string {
  switch (value?.kind) {
    case undefined:
      return '';
    case 'choices':
      return ` -x -a '${value.choices.join(' ')}'`;
    case 'model':
      return ` -r -F -a '(${names})'`;
    case 'folder':
      return " -x -a '(__fish_complete_directories)'";
    case 'file':
      return ' -r -F';
    default:
      return ' -x';
  }
}

const fish = (commands: readonly CompletedCommand[]): string =>
  [
    ...commands.map(
      ({ name, description }) =>
        `complete -c ssd-llm -n __fish_use_subcommand -f -a ${name} -d '${description.replaceAll("'", "\\'")}'`,
    ),
    ...commands.flatMap(({ name }) =>
      flagsOf(name).map(
        ({ long, short, value }) =>
          `complete -c ssd-llm -n '__fish_seen_subcommand_from ${name}' -l ${long.slice(2)}${short ? ` -s ${short.slice(1)}` : ''}${fishValue(value)}`,
      ),
    ),
    `complete -c ssd-llm -n '__fish_seen_subcommand_from completion' -f -a '${Object.keys(shells).join(' ')}'`,
    `complete -c ssd-llm -n 'not __fish_use_subcommand' -a '(${names})'`,
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
