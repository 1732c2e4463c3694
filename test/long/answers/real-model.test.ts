import assert from 'node:assert/strict';
import test from 'node:test';
import { collectAnswer, greedy } from '../../support/batch-model.ts';
import { openTestModel } from '../../support/open-model.ts';
import { assertAsLibllama } from '../../support/oracle.ts';
import { shared } from '../../support/shared.ts';
import { smollm2 } from '../../support/smollm2.ts';
import { Teller } from '../../support/teller.ts';

const model = await smollm2();
const streamed = shared(openTestModel(model, 60 * 2 ** 20, { context: 512 }));
const resident = shared(new Teller(model));
const wanted = { maxTokens: 64, logprobs: 2, ignoreEnd: true };

for (const prompt of [
  'The sky is blue because',
  'Once upon a time there was a lighthouse',
  'def fibonacci(n):',
  'Die Hauptstadt von Frankreich ist',
  '1, 2, 3, 4, 5,',
]) {
  test(`64 greedy tokens after "${prompt}" are those of libllama, and the same streamed`, async () => {
    const { tokens: answer } = await resident.answer(prompt, wanted);
    assert.equal(answer.length, 64);
    assertAsLibllama(model, { prompt: resident.model.tokenize(prompt), answer });
    const { tokens } = await collectAnswer(streamed.generate(prompt, { ...greedy, ...wanted }));
    assert.deepEqual(tokens, answer);
  });
}
