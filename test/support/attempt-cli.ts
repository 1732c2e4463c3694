import { exitCodeOf, failureLine, program } from '../../src/cli/program.ts';

/** A failure of the command line. */
export interface CliAttempt {
  readonly code: number;
  /** Text of the error. */
  readonly stderr: string;
}

/** Gives the command line arguments that it is to refuse, in this process. Fails if it does not. */
export async function attemptCli(...args: readonly string[]): Promise<CliAttempt> {
  let said = '';
  const command = program();
  for (const one of [command, ...command.commands]) {
    one.configureOutput({
      writeErr: (text) => {
        said += text;
      },
    });
  }
  try {
    await command.parseAsync(['node', 'ssd-llm', ...args]);
  } catch (error) {
    const line = await failureLine(error, args);
    return { code: exitCodeOf(error), stderr: line === undefined ? said : `${said}${line}\n` };
  }
  throw new Error(`nothing is wrong with ${args.join(' ')}`);
}
