import { nodeTests, type Part } from './part.ts';

export const part: Part = {
  about: 'long answers of a real model, resident and streamed, beside those of libllama',
  rows: async function* () {
    yield await nodeTests('answers', ['test/long/answers/real-model.test.ts']);
  },
};
