import { nodeTests, type Part } from './part.ts';

export const part: Part = {
  about: 'the command line pulls from a server that cuts, damages and is killed in between',
  rows: async function* () {
    yield await nodeTests('pull', ['test/long/pull/commands.test.ts']);
  },
};
