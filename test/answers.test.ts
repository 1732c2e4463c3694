import test from 'node:test';
import { tryAnswers } from './support/architectures/answers.ts';
import { architectures } from './support/architectures/rows.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();

/** A hybrid with a vocabulary of its own; `test:long` tries all architectures. */
for (const row of architectures.filter(({ name }) => name === 'plamo2')) {
  test(`run, serve and bench give a user the same text in any budget, one by one and at once: ${row.name}`, () =>
    tryAnswers(row, folder.file('model.gguf')));
}
