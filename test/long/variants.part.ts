import { testFiles } from '../suite.ts';
import { nodeTests, type Part } from './part.ts';

/** Folders whose tests have ggml compute. */
const computing = ['bench/', 'src/ggml/', 'src/run/', 'src/kv/', 'src/sample/', 'src/engine/', 'test/'];

export const part: Part = {
  about: 'every test that computes, with the plainest CPU variant of ggml (x64)',
  rows: async function* () {
    for (const folder of computing) {
      const files = testFiles([]).filter((file) => file.startsWith(folder));
      yield await nodeTests(folder, files, { cpu: 'x64' });
    }
  },
};
