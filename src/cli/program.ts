import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import type { ErrorKind } from '../base/error-table.ts';
import { EngineError } from '../base/errors.ts';
import { benchCommand } from './commands/bench.ts';
import { chatCommand } from './commands/chat.ts';
import { infoCommand } from './commands/info.ts';
import { listCommand } from './commands/list.ts';
import { psCommand } from './commands/ps.ts';
import { runCommand } from './commands/run.ts';
import { serveCommand } from './commands/serve.ts';
import { cpuVariant } from './environment.ts';
import { printable } from './print/printable.ts';

const exitCodes: Readonly<Record<ErrorKind, number>> = { failure: 1, usage: 2, 'not-found': 3 };
const usageExitCode = 2;

/** The command line's parser, which throws instead of exiting. */
export function program(): Command {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
  const command = new Command('ssd-llm')
    .description('Run language models larger than memory: weights stream from the SSD under a hard memory budget.')
    .version(version)
    .exitOverride()
    .showHelpAfterError('(--help shows the options)')
    .hook('preAction', chooseCpu);
  const subs = [runCommand(), chatCommand(), serveCommand(), listCommand(), psCommand(), infoCommand(), benchCommand()];
  for (const sub of subs) command.addCommand(sub.exitOverride().showHelpAfterError('(--help shows the options)'));
  return command;
}

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

/** The line about a failure, unless commander has reported it. */
export function failureLine(error: unknown): string | undefined {
  if (error instanceof EngineError) return `error: ${printable(error.message)} [${error.code}]`;
  if (error instanceof CommanderError) return undefined;
  return `internal error: ${(error as Error).stack ?? error}`;
}
