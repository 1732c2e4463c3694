import { formatBytes } from '../../base/bytes.ts';
import type { Settings } from '../options/table.ts';
import { columns } from '../print/columns.ts';
import { debugLog } from '../print/debug.ts';
import { write, writeJson } from '../print/output.ts';
import { printable } from '../print/printable.ts';
import { relativeTime } from '../print/relative-time.ts';
import type { RunningModel } from './running-models.ts';

/** Prints the models that a server has loaded. */
export async function psCommand({ host, port, apiKey, json, logLevel }: Settings): Promise<void> {
  const { runningModels } = await import('./running-models.ts');
  (await debugLog({ logLevel }))?.('asking', { host, port, key: apiKey !== undefined });
  const models = await runningModels({ host, port, apiKey });
  await (json ? writeJson(models) : write(`${table(models).join('\n')}\n`));
}

const table = (models: readonly RunningModel[]): readonly string[] =>
  columns([
    ['NAME', 'SIZE', 'PROCESSOR', 'CONTEXT', 'UNTIL'],
    ...models.map(({ name, size, gpu, context, expires }) => [
      printable(name),
      formatBytes(size),
      processorText(gpu / size),
      `${context}`,
      relativeTime(new Date(expires)),
    ]),
  ]);

/** The processors that compute, of which the GPU has this share of the memory. */
const processorText = (share: number): string => {
  if (!(share > 0)) return 'CPU';
  return share >= 1 ? 'GPU' : `${Math.max(1, Math.round(100 * share))}% GPU`;
};
