import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { at } from '../base/at.ts';
import type { ErrorKind } from '../base/error-details.ts';
import { EngineError, isBadOption } from '../base/errors.ts';
import { cpuVariant } from './environment.ts';
import type { ChosenModel } from './locate-model.ts';
import type { CommandName } from './options/option-spec.ts';
import type { Settings } from './options/table.ts';
import { errorLine, fail } from './print/output.ts';

const exitCodes: Readonly<Record<ErrorKind, number>> = { failure: 1, usage: 2, 'not-found': 3 };
const usageExitCode = 2;

type Act = (settings: Settings, operands: readonly string[]) => Promise<void>;
type ModelAct = (settings: Settings, model: ChosenModel, texts: readonly string[]) => Promise<void>;

interface CommandSpec {
  readonly description: string;
  readonly alias?: string;
  /** Arguments as --help shows them, with their meaning. */
  readonly takes?: Readonly<Record<string, string>>;
  /** Reads the command's code: no other's is needed. */
  readonly load: () => Promise<Act>;
}

const model = 'the name of a model, as "list" shows it, or a GGUF file; of a split model, any part';
const models = 'names of models, or GGUF files';

/** A command that begins with finding its model. */
const onModel =
  (load: () => Promise<ModelAct>): CommandSpec['load'] =>
  async () => {
    const act = await load();
    const { locateCalled } = await import('./locate-model.ts');
    return async (given, [name = '', ...texts]) => {
      const { models, settings } = await locateCalled([name], given);
      await act(settings, at(models, 0), texts);
    };
  };

const commands: Readonly<Record<CommandName, CommandSpec>> = {
  run: {
    description: 'answer one prompt; without one, at a terminal, talk',
    takes: { '<model>': model, '[prompt...]': 'the prompt; text from stdin comes before it' },
    load: onModel(async () => (await import('./commands/run.ts')).runCommand),
  },
  chat: {
    description: 'talk with a model in the terminal',
    takes: { '<model>': model },
    load: onModel(async () => (await import('./commands/chat.ts')).chatCommand),
  },
  embed: {
    description: 'print the embeddings of texts',
    takes: { '<model>': model, '[texts...]': 'texts to embed' },
    load: onModel(async () => (await import('./commands/embed.ts')).embedCommand),
  },
  serve: {
    description: 'answer clients of Ollama and OpenAI, many at once',
    takes: { '[models...]': `${models}; left out, all that there are` },
    load: async () => (await import('./commands/serve.ts')).serveCommand,
  },
  list: {
    description: 'show the models that there are, where they lie, and how fast they would be',
    alias: 'ls',
    takes: { '[models...]': `${models}; left out, all that there are` },
    load: async () => (await import('./commands/list.ts')).listCommand,
  },
  show: {
    description: 'show what comes with a model: parameters, system, template, license; or its Modelfile',
    takes: { '<model>': model },
    load: async () => (await import('./commands/show.ts')).showCommand,
  },
  create: {
    description: 'make a model of another one, or of a GGUF file, by a Modelfile',
    takes: { '<name>': 'the name of the new model' },
    load: async () => (await import('./commands/own-models.ts')).createCommand,
  },
  cp: {
    description: 'give a model a second name; nothing of it is copied',
    takes: { '<model>': model, '<name>': 'the new name' },
    load: async () => (await import('./commands/own-models.ts')).copyCommand,
  },
  rm: {
    description: 'remove models that were pulled or made, or whose files lie in the models folder',
    takes: { '<models...>': 'names of models' },
    load: async () => (await import('./commands/own-models.ts')).removeCommand,
  },
  pull: {
    description: 'download a model, after its plan has been shown; what has come is kept where it ends early',
    takes: {
      '<model>': 'hf.co/ORG/REPO:QUANT, the URL of a GGUF file, or a name of a registry such as llama3.2:1b',
    },
    load: async () => (await import('./commands/pull.ts')).pullCommand,
  },
  ps: {
    description: 'show the models that a running server has loaded',
    load: async () => (await import('./commands/ps.ts')).psCommand,
  },
  devices: {
    description: 'show what can compute here: the CPU, and cards with their memory',
    load: async () => (await import('./commands/devices.ts')).devicesCommand,
  },
  info: {
    description: 'show what a model is, and the plan for running it under a memory budget',
    takes: { '<model>': model },
    load: onModel(async () => (await import('./commands/info.ts')).infoCommand),
  },
  bench: {
    description: 'measure how fast a model runs here, and how close that comes to what limits it',
    takes: { '<model>': model },
    load: onModel(async () => (await import('./commands/bench.ts')).benchCommand),
  },
  config: {
    description: 'show the settings of the environment and the configuration file, and where that lies',
    load: async () => (await import('./commands/config.ts')).configCommand,
  },
  completion: {
    description: 'print a shell\'s completion: eval "$(ssd-llm completion bash)"',
    takes: { '<shell>': 'bash, zsh or fish' },
    load: async () => {
      const { completionCommand } = await import('./commands/completion.ts');
      const named = Object.entries(commands).map(([name, { description }]) => ({
        name: name as CommandName,
        description,
      }));
      return (settings, operands) => completionCommand(settings, operands, named);
    },
  },
};

/** The command line's parser, which throws instead of exiting. Commands have their options once one is called. */
export function program(): Command {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
  const command = throwing(new Command('ssd-llm'))
    .description('Run language models larger than memory: weights stream from the SSD under a hard memory budget.')
    .version(version, '-v, --version')
    // Behind a command, -v is --verbose.
    .enablePositionalOptions()
    .helpCommand(false)
    // Other programs' commands are known here, and are not like any of these.
    .showSuggestionAfterError(false)
    .hook('preSubcommand', async (_, called) => {
      const { withOptions } = await import('./options/flags.ts');
      withOptions(called);
    })
    .hook('preAction', chooseCpu);
  for (const [name, spec] of Object.entries(commands)) command.addCommand(commandOf(name, spec));
  const help = async (name?: string): Promise<void> => {
    const about = name === undefined || name === 'help' ? [] : [name];
    if (about.some((one) => !Object.hasOwn(commands, commandCalled(one)))) {
      command.error(`error: unknown command '${name}'`, { code: 'commander.unknownCommand' });
    }
    await command.parseAsync([...about, '--help'], { from: 'user' });
  };
  return command.addCommand(
    new Command('help').description('display help for command').argument('[command]').helpOption(false).action(help),
  );
}

function commandOf(name: string, { description, alias, takes = {}, load }: CommandSpec): Command {
  const command = throwing(new Command(name)).description(description);
  if (alias !== undefined) command.alias(alias);
  for (const [argument, meaning] of Object.entries(takes)) command.argument(argument, meaning);
  return command.action(async () => {
    const { settingsOf } = await import('./options/settings.ts');
    const settings = await settingsOf(command);
    const act = await load();
    await act(settings, command.args);
  });
}

const throwing = (command: Command): Command =>
  command
    .exitOverride()
    // Errors are told by `failureLine`.
    .configureOutput({ writeErr: (text) => fail(text.trimEnd()), outputError: () => {} });

async function chooseCpu(): Promise<void> {
  const variant = cpuVariant();
  if (variant === undefined) return;
  const { chooseCpuVariant } = await import('../ggml/cpu-variant.ts');
  chooseCpuVariant(variant);
}

/** The exit code of the command line where `program` fails. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof EngineError) return exitCodes[error.kind];
  // Help and the version end with 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExitCode;
  return 1;
}

/** The name of the command that is called so, which may be by another one. */
export const commandCalled = (name: string): string =>
  Object.entries(commands).find(([, { alias }]) => alias === name)?.[0] ?? name;

/** The hint below an error of commander's. */
async function hintOf({ code }: CommanderError, argv: readonly string[]): Promise<string | undefined> {
  const [called = '', ...words] = argv[0] === 'help' ? argv.slice(1) : argv;
  const name = commandCalled(called);
  const given = [name, ...words];
  const own = Object.keys(commands);
  const { takes = {} } = Object.entries(commands).find(([command]) => command === name)?.[1] ?? {};
  if (code === 'commander.missingArgument') {
    const about = Object.keys(takes).some((argument) => argument.includes('model'))
      ? ['"ssd-llm list" shows the models that there are']
      : Object.entries(takes).map((argument) => argument.join(': '));
    return [`ssd-llm ${[name, ...Object.keys(takes)].join(' ')}`, ...about].join('; ');
  }
  const { hintFor } = await import('./options/habits.ts');
  const { flagCommands } = await import('./options/given-words.ts');
  const hint = hintFor(given, [...own, 'help'], flagCommands());
  if (hint !== undefined || code !== 'commander.unknownCommand') return hint;
  const { similarNames } = await import('../library/similar-names.ts');
  const near = similarNames(name, own);
  return near.length > 0 ? `did you mean ${near.join(', ')}?` : `a model stands behind a command: ssd-llm run ${name}`;
}

/** The lines about a failure, in the words of the command line. */
export async function failureLine(error: unknown, argv: readonly string[] = []): Promise<string | undefined> {
  if (isBadOption(error)) {
    const { flagNamed } = await import('./options/flags.ts');
    return errorLine(new EngineError('BAD_OPTION', { ...error.details, option: flagNamed(error.details.option) }));
  }
  if (error instanceof EngineError) return errorLine(error);
  if (error instanceof CommanderError) {
    // Help was asked for, or shown in place of a command.
    if (error.exitCode === 0 || error.code === 'commander.help') return undefined;
    const hint = await hintOf(error, argv);
    // A hint knows more than names that look alike, which commander puts below its message.
    const told = hint === undefined ? [error.message] : [error.message.replace(/\n\(Did you mean .*\)$/s, ''), hint];
    return [...told, '(--help shows the options)'].join('\n');
  }
  return `internal error: ${(error as Error).stack ?? error}`;
}
