import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { EngineError, type ErrorKind } from '../base/errors.ts';
import { withBareOptions } from './bare-options.ts';
import { benchCommand } from './bench.ts';
import { chatCommand } from './chat.ts';
import { cpuVariant } from './environment.ts';
import { infoCommand } from './info.ts';
import { listCommand } from './list.ts';
import { handleOutputErrors, note, printable } from './output.ts';
import { psCommand } from './ps.ts';
import { runCommand } from './run.ts';
import { serveCommand } from './serve.ts';

const exitCodes: Readonly<Record<ErrorKind, number>> = { failure: 1, usage: 2, 'not-found': 3 };
const usageExitCode = 2;

function program(): Command {
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

/** Runs the command line; every way it can end has its exit code. */
async function main(argv: readonly string[]): Promise<void> {
  handleOutputErrors();
  try {
    await program().parseAsync(withBareOptions(argv));
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    if (error instanceof EngineError) note(`error: ${printable(error.message)} [${error.code}]`);
    else if (!(error instanceof CommanderError)) note(`internal error: ${(error as Error).stack ?? error}`);
  }
}

function exitCodeOf(error: unknown): number {
  if (error instanceof EngineError) return exitCodes[error.kind];
  // Commander has already said what was wrong; help and the version end with 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExitCode;
  return 1;
}

await main(process.argv);
