import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import test from 'node:test';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { nameUnfinished, unfinishedModels } from './unfinished-models.ts';

test('an unfinished model is told with what pulls it, which is a URL where it came from one, and none is too long', () => {
  using folder = tempFolder();
  for (const [name, pulledBy] of [
    ['a:latest', 'http://host/a.gguf'],
    ['b:latest', undefined],
    ['d:latest', `http://host/${'d'.repeat(9000)}.gguf`],
    ['hf.co/org/c:q4_0', 'hf.co/org/c:q4_0'],
  ] as const) {
    const inner = folder.file(name.slice(0, 1));
    mkdirSync(inner);
    nameUnfinished(inner, name, pulledBy);
  }
  assert.deepEqual(
    unfinishedModels(folder.path).map(({ name, pulledBy }) => [name, pulledBy]),
    [
      ['a:latest', 'http://host/a.gguf'],
      ['b:latest', undefined],
      ['d:latest', undefined],
      ['hf.co/org/c:q4_0', 'hf.co/org/c:q4_0'],
    ],
  );
});
