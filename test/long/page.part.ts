import { nodeTests, type Part } from './part.ts';

export const part: Part = {
  about:
    'the page in a browser: its looks at three widths (pictures stay in .cache/page), accessibility, figures, hostile answers',
  rows: async function* () {
    yield await nodeTests('page', ['test/long/page/looks.test.ts']);
  },
};
