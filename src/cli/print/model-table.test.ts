import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { type ModelRow, modelTable } from './model-table.ts';

const row = (given: Partial<ModelRow> = {}): ModelRow => ({
  name: 'pocket:135m',
  size: '92.1 MiB',
  takes: '331 MiB',
  speed: '~89',
  faster: undefined,
  where: 'LM Studio: ~/.lmstudio/models/someone/Pocket-GGUF/Pocket-Q4_1.gguf',
  ...given,
});

test('at a terminal paths are cut in their middle, and ways to be faster stand below', () => {
  assert.deepEqual(modelTable([row(), row({ where: '~/a.gguf', faster: 'with 2 GiB 100' })], 80), [
    'NAME         SIZE      TAKES    TOKENS/S  WHERE',
    'pocket:135m  92.1 MiB  331 MiB  ~89       LM Studio: …cket-GGUF/Pocket-Q4_1.gguf',
    'pocket:135m  92.1 MiB  331 MiB  ~89       ~/a.gguf',
    '  faster with 2 GiB 100',
  ]);
});

test('where names are too long for a table, each model has lines of its own', () => {
  assert.deepEqual(modelTable([row({ name: `hf.co/org/${'x'.repeat(40)}:q4_1` })], 60), [
    `hf.co/org/${'x'.repeat(40)}:q4_1`,
    '  92.1 MiB, takes 331 MiB, ~89 tokens/s',
    '  LM Studio: ~/.lmst…ls/someone/Pocket-GGUF/Pocket-Q4_1.gguf',
  ]);
});

test('elsewhere each model is one line with its whole path', () => {
  const lines = modelTable([row(), row({ faster: 'with 2 GiB 100' })], undefined);
  assert.match(
    lines.join('\n'),
    /^NAME +SIZE +TAKES +TOKENS\/S +FASTER +WHERE\n.*Pocket-Q4_1\.gguf\n.*100 {2}LM Studio: .*gguf$/,
  );
});

test('no line is wider than the screen but for names', () => {
  const text = fc.string({ minLength: 1, maxLength: 90 });
  fc.assert(
    fc.property(text, fc.string({ maxLength: 200 }), fc.integer({ min: 50, max: 200 }), (name, where, width) => {
      for (const line of modelTable([row({ name, where })], width)) assert.ok(line.length <= width || line === name);
    }),
  );
});
