import { fail, handleOutputErrors, logNotes } from './print/output.ts';
import { commandCalled, exitCodeOf, failureLine, program } from './program.ts';

/** Runs the command line, and sets the exit code. */
async function main(argv: readonly string[]): Promise<void> {
  handleOutputErrors();
  // Its settings may say otherwise, once they are read.
  if (argv[2] === 'serve' && !process.stderr.isTTY) logNotes((await import('./print/log.ts')).logTo('info'));
  try {
    await program().parseAsync(await withValues(argv));
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    const line = await failureLine(error, argv.slice(2));
    if (line !== undefined) fail(line);
  }
}

/**
 * The command line with the values that options were given without. A command alone, or --version, has no options. Rejects
 * with CommanderError for what would be misread.
 */
async function withValues(argv: readonly string[]): Promise<readonly string[]> {
  if (argv.length <= 3) return argv;
  const { checkWords } = await import('./options/given-words.ts');
  const { withBareOptions } = await import('./options/bare-options.ts');
  checkWords(commandCalled(argv[2] ?? ''), argv.slice(3));
  return withBareOptions(argv);
}

await main(process.argv);
