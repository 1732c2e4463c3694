import { testFiles } from '../suite.ts';
import { usableVariants } from '../support/variants.ts';
import { nodeTests, type Part } from './part.ts';

/** Folders whose tests have ggml compute. */
const computing = [
  'bench/',
  'src/ggml/',
  'src/pager/',
  'src/exec/',
  'src/state/',
  'src/sample/',
  'src/runtime/',
  'src/engine/',
  'src/model/',
  'test/',
];

export const part: Part = {
  about: 'every test that computes, with the plainest CPU variant of ggml (x64)',
  rows: async function* () {
    if (!usableVariants().includes('x64')) {
      yield { name: 'x64', tried: 0, passed: 0, failed: [], skipped: ['all: the CPU variant x64 cannot be had here'] };
      return;
    }
    for (const folder of computing) {
      const files = testFiles([]).filter((file) => file.startsWith(folder));
      yield await nodeTests(folder, files, { cpu: 'x64' });
    }
  },
};
