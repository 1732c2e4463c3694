import assert from 'node:assert/strict';
import test from 'node:test';
import { EngineError } from '../base/errors.ts';
import { readPrompt } from './prompt.ts';

/** A model whose tokens are two characters at most. */
const model = {
  mostTokens: (context: number | undefined) => context ?? 1000,
  prompts: {
    hasTemplate: true,
    checkLength: (units: number, most: number) => {
      if (units > 2 * most) throw new EngineError('CONTEXT_TOO_LONG', { prompt: units, context: most, atLeast: true });
    },
  },
};

async function* pieces(...texts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

test('a prompt is read as a whole, without the line ends behind it', async () => {
  const bytes = Buffer.from('  Grüße\n');
  const input = pieces(bytes.subarray(0, 5), bytes.subarray(5), 'one  \n', '\r\n\n');
  assert.equal(await readPrompt(input, model, {}), '  Grüße\none  ');
});

test('what goes to the model as it is, is read as it is', async () => {
  const code = 'for x in y:\n    \n';
  assert.equal(await readPrompt(pieces(code), model, { raw: true }), code);
  const bare = { ...model, prompts: { ...model.prompts, hasTemplate: false } };
  assert.equal(await readPrompt(pieces(code), bare, {}), code);
});

test('no more is read than could be a prompt', async () => {
  let read = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      read += 1;
      yield Buffer.from('x'.repeat(100));
    }
  }
  for (const [ctx, most] of [
    [undefined, 21],
    [50, 2],
  ] as const) {
    read = 0;
    await assert.rejects(readPrompt(endless(), model, { ctx }), { code: 'CONTEXT_TOO_LONG' });
    assert.equal(read, most);
  }
});
