import { nodeTests, type Part } from './part.ts';

export const part: Part = {
  about: "Ollama's own command line against our server",
  rows: async function* () {
    yield await nodeTests('commands', ['test/long/ollama-cli/commands.test.ts']);
  },
};
