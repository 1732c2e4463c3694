import { Command } from 'commander';
import { formatBytes } from '../base/bytes.ts';
import { columns } from './columns.ts';
import { debugLog } from './debug.ts';
import { currentUser } from './environment.ts';
import { moment } from './moment.ts';
import { write, writeJson } from './output.ts';
import { printable } from './printable.ts';
import type { RunningModel } from './running.ts';
import { addressOptions } from './serve.ts';
import type { Flags } from './settings.ts';

interface PsOptions extends Flags {
  readonly json?: boolean;
}

export function psCommand(): Command {
  const command = new Command('ps').description('show the models that a running server has loaded');
  for (const option of addressOptions()) command.addOption(option);
  return command
    .option('--api-key <key>', "the server's key, if it has one")
    .option('--config <file>', "settings in TOML, instead of the user's own file")
    .option('--json', 'print JSON')
    .action(ps);
}

async function ps({ json, ...flags }: PsOptions): Promise<void> {
  const { settingsOf } = await import('./settings.ts');
  const { runningModels } = await import('./running.ts');
  const { host, port, apiKey } = settingsOf(flags, currentUser());
  (await debugLog())?.('asking', { host, port, key: apiKey !== undefined });
  const models = await runningModels({ host, port, apiKey });
  await (json ? writeJson(models) : write(`${table(models).join('\n')}\n`));
}

const table = (models: readonly RunningModel[]): readonly string[] =>
  columns([
    ['NAME', 'SIZE', 'CONTEXT', 'UNTIL'],
    ...models.map(({ name, size, context, expires }) => [
      printable(name),
      formatBytes(size),
      `${context}`,
      moment(new Date(expires)),
    ]),
  ]);
