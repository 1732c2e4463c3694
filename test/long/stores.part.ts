import { nodeTests, type Part } from './part.ts';

export const part: Part = {
  about: "a real model in each program's store: listed, run by name, unchanged",
  rows: async function* () {
    yield await nodeTests('stores', ['test/long/stores/stores.test.ts']);
  },
};
