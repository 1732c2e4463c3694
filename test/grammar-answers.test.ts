import assert from 'node:assert/strict';
import test from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Logprob } from '../src/engine/logprobs.ts';
import type { GrammarSource } from '../src/grammar/source.ts';
import type { Model } from '../src/model/model.ts';
import type { GenerateOptions } from '../src/model/model-options.ts';
import { collectAnswer, openBatchModel, promptOf, writeBatchModel } from './support/batch-model.ts';
import { openDrafted, writeNoiseModel } from './support/drafted-model.ts';
import { engineError } from './support/engine-error.ts';
import { openTestModel, plenty } from './support/open-model.ts';
import { rounds } from './support/rounds.ts';
import { smollm2 } from './support/smollm2.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const path = writeBatchModel(folder.file('batch.gguf'));
const draft = writeNoiseModel(folder.file('draft.gguf'));
const ajv = new Ajv2020({ strict: false });

const schema = {
  type: 'object',
  properties: {
    name: { type: 'string', maxLength: 8 },
    age: { type: 'integer', minimum: 1, maximum: 120 },
    tags: { type: 'array', items: { enum: ['red', 'green', null] }, minItems: 1, maxItems: 3 },
  },
  required: ['name', 'tags'],
};
const grammar: GrammarSource = { kind: 'schema', schema };
const isValue = ajv.compile(schema);

/** The texts of answers to as many prompts. */
async function answers(model: Model, count: number, options: GenerateOptions): Promise<readonly string[]> {
  const all = Array.from({ length: count }, (_, seed) =>
    collectAnswer(model.generate(promptOf(seed, 20), { temperature: 1, seed, maxTokens: 200, ...options })),
  );
  return (await Promise.all(all)).map(({ text }) => text);
}

test('whatever a model would say, its answer is a value of the schema', async () => {
  await using model = openBatchModel(path);
  const texts = await answers(model, 12, { grammar });
  for (const text of texts) assert.ok(isValue(JSON.parse(text)), text);
  assert.ok(new Set(texts).size > 1, 'answers differ');
});

test('drafts change nothing of an answer within a grammar, and some of them are accepted', async () => {
  await using plain = openBatchModel(path);
  const expected = await answers(plain, 3, { grammar });
  for (const options of [
    { ngram: true, adaptive: false },
    { model: draft, adaptive: false },
  ]) {
    await using model = await openDrafted(path, { draft: options });
    assert.deepEqual(await answers(model, 3, { grammar }), expected);
    const { drafted, accepted } = model.tally().sums;
    assert.ok(drafted > 0 && accepted > 0, `${accepted} of ${drafted}`);
  }
});

test('an answer ends with its last character: the token that would end it is not computed', async () => {
  await using model = openBatchModel(path);
  const generation = model.generate(promptOf(1, 20), { grammar: { kind: 'text', text: 'ab' } });
  const { text, tokens } = await collectAnswer(generation);
  assert.equal(text, 'ab');
  assert.equal(generation.stopReason, 'stop');
  // The pass of the prompt gives the first token.
  assert.equal(model.tally().sums.passes, tokens.length);
});

test('log-probabilities are those of the model, which may have preferred other tokens', async () => {
  await using model = openBatchModel(path);
  const first = async (grammar?: GrammarSource): Promise<Logprob> => {
    for await (const { logprob } of model.generate(promptOf(2, 20), { grammar, logprobs: 1, temperature: 0 })) {
      if (logprob) return logprob;
    }
    return assert.fail('no token came');
  };
  const [bound, free] = [await first({ kind: 'text', text: 'ab' }), await first()];
  assert.deepEqual(bound.top, free.top);
  assert.ok(bound.logprob < free.logprob, 'the model would have said something else');
});

test('a grammar that is not valid, or cannot be enforced, is refused before anything is computed', async () => {
  await using model = openBatchModel(path);
  const refused = (grammar: GrammarSource, place: string): void =>
    assert.throws(() => model.generate([1], { grammar }), engineError('BAD_GRAMMAR', { place }));
  refused({ kind: 'gbnf', text: 'root ::= "a' }, 'line 1, column 10');
  refused({ kind: 'schema', schema: { not: {} } }, '#/not');
  refused({ kind: 'gbnf', text: 'root ::= <|no-such-token|>' }, 'line 1, column 10');
  assert.equal(model.tally().sums.passes, 0);
});

test('SmolLM2 answers with a value of a schema each time', async () => {
  await using model = openTestModel(await smollm2(), plenty, { context: 512, parallel: 8 });
  const person = {
    type: 'object',
    properties: {
      name: { type: 'string', maxLength: 12 },
      height: { type: 'number', minimum: 0.4, maximum: 2.5, multipleOf: 0.01 },
      job: { anyOf: [{ enum: ['cook', 'pilot'] }, { type: 'null' }] },
    },
    required: ['name', 'height', 'job'],
  };
  const isPerson = new Ajv2020({ multipleOfPrecision: 6 }).compile(person);
  const prompt = [{ role: 'user', content: 'Tell me about somebody whom you made up, as JSON.' }];
  const texts = await Promise.all(
    Array.from({ length: rounds(2, 100) }, async (_, seed) => {
      const options = { grammar: { kind: 'schema', schema: person }, seed, temperature: 1 } as const;
      return (await collectAnswer(model.generate(prompt, options))).text;
    }),
  );
  for (const text of texts) assert.ok(isPerson(JSON.parse(text)), text);
});
