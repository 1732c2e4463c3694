import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import type { ErrorKind } from '../base/error-table.ts';
import { EngineError, isBadOption } from '../base/errors.ts';
import { cpuVariant } from './environment.ts';
import type { CommandName } from './options/option-spec.ts';
import type { Settings } from './options/table.ts';
import { printable } from './print/printable.ts';

const exitCodes: Readonly<Record<ErrorKind, number>> = { failure: 1, usage: 2, 'not-found': 3 };
const usageExitCode = 2;

type Act = (settings: Settings, path: string, texts: readonly string[]) => Promise<void>;

interface CommandSpec {
  readonly description: string;
  readonly takes?: '<model>' | '[models...]';
  /** True if texts may follow the model. */
  readonly texts?: true;
  /** Reads the command's code: no other's is needed. */
  readonly load: () => Promise<Act>;
}

const commands: Readonly<Record<CommandName, CommandSpec>> = {
  run: {
    description: 'answer one prompt',
    takes: '<model>',
    load: async () => {
      const { runCommand } = await import('./commands/run.ts');
      return runCommand;
    },
  },
  chat: {
    description: 'talk with a model in the terminal',
    takes: '<model>',
    load: async () => {
      const { chatCommand } = await import('./commands/chat.ts');
      return chatCommand;
    },
  },
  embed: {
    description: 'print the embeddings of texts',
    takes: '<model>',
    texts: true,
    load: async () => {
      const { embedCommand } = await import('./commands/embed.ts');
      return embedCommand;
    },
  },
  serve: {
    description: 'answer clients of Ollama and OpenAI, many at once',
    takes: '[models...]',
    load: async () => {
      const { serveCommand } = await import('./commands/serve.ts');
      return serveCommand;
    },
  },
  list: {
    description: 'show the models that "serve" would find',
    takes: '[models...]',
    load: async () => {
      const { listCommand } = await import('./commands/list.ts');
      return listCommand;
    },
  },
  ps: {
    description: 'show the models that a running server has loaded',
    load: async () => {
      const { psCommand } = await import('./commands/ps.ts');
      return psCommand;
    },
  },
  devices: {
    description: 'show what can compute here: the CPU, and cards with their memory',
    load: async () => {
      const { devicesCommand } = await import('./commands/devices.ts');
      return devicesCommand;
    },
  },
  info: {
    description: 'show what a model is, and the plan for running it under a memory budget',
    takes: '<model>',
    load: async () => {
      const { infoCommand } = await import('./commands/info.ts');
      return infoCommand;
    },
  },
  bench: {
    description: 'measure how fast a model runs here, and how close that comes to what limits it',
    takes: '<model>',
    load: async () => {
      const { benchCommand } = await import('./commands/bench.ts');
      return benchCommand;
    },
  },
};

/** The command line's parser, which throws instead of exiting. Commands have their options once one is called. */
export function program(): Command {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
  const command = throwing(new Command('ssd-llm'))
    .description('Run language models larger than memory: weights stream from the SSD under a hard memory budget.')
    .version(version)
    .helpCommand(false)
    .hook('preSubcommand', async (_, called) => {
      const { withOptions } = await import('./options/flags.ts');
      withOptions(called);
    })
    .hook('preAction', chooseCpu);
  for (const [name, spec] of Object.entries(commands)) command.addCommand(commandOf(name, spec));
  const help = async (name?: string): Promise<void> => {
    await command.parseAsync([...(name === undefined ? [] : [name]), '--help'], { from: 'user' });
  };
  return command.addCommand(
    new Command('help').description('display help for command').argument('[command]').helpOption(false).action(help),
  );
}

function commandOf(name: string, { description, takes, texts, load }: CommandSpec): Command {
  const command = throwing(new Command(name)).description(description);
  if (takes !== undefined) {
    command.argument(takes, `GGUF file${takes === '<model>' ? '' : 's'}; of a split model, any part`);
  }
  if (texts) command.argument('[texts...]', 'texts to embed');
  return command.action(async (path: string, texts: readonly string[] = []) => {
    const { settingsOf } = await import('./options/settings.ts');
    const settings = await settingsOf(command);
    const act = await load();
    await act(settings, path, texts);
  });
}

const throwing = (command: Command): Command => command.exitOverride().showHelpAfterError('(--help shows the options)');

async function chooseCpu(): Promise<void> {
  const variant = cpuVariant();
  if (variant === undefined) return;
  const { chooseCpuVariant } = await import('../ggml/cpu-variant.ts');
  chooseCpuVariant(variant);
}

/** The exit code of the command line where `program` fails. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof EngineError) return exitCodes[error.kind];
  // Commander has already reported the error; help and the version end with 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExitCode;
  return 1;
}

/** The line about a failure, in the words of the command line, unless commander has reported it. */
export async function failureLine(error: unknown): Promise<string | undefined> {
  if (isBadOption(error)) {
    const { flagNamed } = await import('./options/flags.ts');
    const { message } = new EngineError('BAD_OPTION', { ...error.details, option: flagNamed(error.details.option) });
    return `error: ${printable(message)} [BAD_OPTION]`;
  }
  if (error instanceof EngineError) return `error: ${printable(error.message)} [${error.code}]`;
  if (error instanceof CommanderError) return undefined;
  return `internal error: ${(error as Error).stack ?? error}`;
}
