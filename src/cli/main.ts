import { withBareOptions } from './options/bare-options.ts';
import { handleOutputErrors, note } from './print/output.ts';
import { exitCodeOf, failureLine, program } from './program.ts';

/** Runs the command line, and sets the exit code. */
async function main(argv: readonly string[]): Promise<void> {
  handleOutputErrors();
  try {
    await program().parseAsync(withBareOptions(argv));
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    const line = failureLine(error);
    if (line !== undefined) note(line);
  }
}

await main(process.argv);
