import { expertVariants } from '../support/architectures/architecture-file.ts';
import { Reference } from '../support/architectures/reference.ts';
import { type ArchitectureRow, architectures } from '../support/architectures/rows.ts';
import { type References, tryArchitecture, tryWeights } from '../support/architectures/trial.ts';
import { tempFolder } from '../support/temp-folder.ts';
import type { Part, Row } from './part.ts';

async function tryAll(
  name: string,
  rows: readonly ArchitectureRow[],
  tryOne: (references: References, row: ArchitectureRow, path: string) => Promise<unknown>,
): Promise<Row> {
  using folder = tempFolder();
  await using first = new Reference();
  await using second = new Reference();
  const failed: string[] = [];
  for (const row of rows) {
    try {
      await tryOne([first, second], row, folder.file('model.gguf'));
    } catch (error) {
      failed.push(`${row.name}: ${(error as Error).message}`);
    }
  }
  return { name, tried: rows.length, passed: rows.length - failed.length, failed, skipped: [] };
}

export const part: Part = {
  about: 'the small model of every architecture, and all mixtures with experts of other types and sizes',
  rows: async function* () {
    yield await tryAll('all', architectures, tryWeights);
    const mixtures = architectures.filter(({ experts }) => experts);
    for (const [name, options] of Object.entries(expertVariants)) {
      yield await tryAll(name, mixtures, (...asked) => tryArchitecture(...asked, options));
    }
  },
};
