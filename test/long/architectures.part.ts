import { type ArchitectureFileOptions, expertVariants } from '../support/architectures/architecture-file.ts';
import { Reference } from '../support/architectures/reference.ts';
import { type ArchitectureRow, architectures } from '../support/architectures/rows.ts';
import { tryArchitecture } from '../support/architectures/trial.ts';
import { tempFolder } from '../support/temp-folder.ts';
import type { Part, Row } from './part.ts';

async function tryAll(
  name: string,
  rows: readonly ArchitectureRow[],
  options: ArchitectureFileOptions = {},
): Promise<Row> {
  using folder = tempFolder();
  await using first = new Reference();
  await using second = new Reference();
  const failed: string[] = [];
  for (const row of rows) {
    try {
      await tryArchitecture([first, second], row, folder.file('model.gguf'), options);
    } catch (error) {
      failed.push(`${row.name}: ${(error as Error).message}`);
    }
  }
  return { name, tried: rows.length, passed: rows.length - failed.length, failed, skipped: [] };
}

export const part: Part = {
  about: 'the small model of every architecture, and all mixtures with experts of other types and sizes',
  rows: async function* () {
    yield await tryAll('all', architectures);
    const mixtures = architectures.filter(({ experts }) => experts);
    for (const [name, options] of Object.entries(expertVariants)) yield await tryAll(name, mixtures, options);
  },
};
