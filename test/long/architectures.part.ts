import { CpuDevice } from '../../src/ggml/cpu-device.ts';
import { tryAnswers } from '../support/architectures/answers.ts';
import { expertVariants } from '../support/architectures/architecture-file.ts';
import { Reference } from '../support/architectures/reference.ts';
import { refused } from '../support/architectures/refused.ts';
import { architectures } from '../support/architectures/rows.ts';
import { tryStreamed } from '../support/architectures/streamed.ts';
import { tryRefused, tryWeights } from '../support/architectures/trial.ts';
import { tempFolder } from '../support/temp-folder.ts';
import type { Part, Row } from './part.ts';

async function tryAll<T extends { readonly architecture: string; readonly name?: string }>(
  name: string,
  rows: readonly T[],
  tryOne: (row: T, path: string) => Promise<void> | void,
): Promise<Row> {
  using folder = tempFolder();
  const failed: string[] = [];
  for (const row of rows) {
    try {
      await tryOne(row, folder.file('model.gguf'));
    } catch (error) {
      failed.push(`${row.name ?? row.architecture}: ${(error as Error).message.split('\n', 1)}`);
    }
  }
  return { name, tried: rows.length, passed: rows.length - failed.length, failed, skipped: [] };
}

export const part: Part = {
  about:
    'the small model of every architecture, streamed in the smallest budget and by every command, and experts of other types and sizes',
  rows: async function* () {
    await using reference = new Reference();
    await using another = new Reference();
    using device = new CpuDevice(1);
    yield await tryAll('llama_decode', architectures, (row, path) => tryWeights([reference, another], row, path));
    const compared = { reference, device };
    yield await tryAll('streamed', architectures, (row, path) => tryStreamed(compared, row, path));
    const going = architectures.filter(({ state }) => state !== 'nothing');
    yield await tryAll('run, serve, bench', going, tryAnswers);
    const names = Object.keys(refused).map((architecture) => ({ architecture }));
    yield await tryAll('refused', names, ({ architecture }, path) => tryRefused(architecture, path));
    const mixtures = architectures.filter(({ experts }) => experts);
    for (const [name, options] of Object.entries(expertVariants)) {
      yield await tryAll(name, mixtures, (row, path) => tryStreamed(compared, row, path, options));
    }
  },
};
