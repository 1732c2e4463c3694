import { readFileSync } from 'node:fs';
import { testFiles } from '../suite.ts';
import { nodeTests, type Part } from './part.ts';

/** Tests that try some of their cases in `npm test`. */
const sampling = (file: string): boolean => readFileSync(file, 'utf8').includes('/rounds.ts');

export const part: Part = {
  about: 'the tests that try a sample of their cases in npm test, with all of them',
  rows: async function* () {
    yield await nodeTests('all rounds', testFiles([]).filter(sampling), { allRounds: true });
  },
};
