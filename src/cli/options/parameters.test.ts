import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { engineError } from '../../../test/support/engine-error.ts';
import type { EngineError } from '../../base/errors.ts';
import { answerOptions } from './answer-options.ts';
import { type Parameters, parameterNamed, parameterNames, parameterRows, withParameter } from './parameters.ts';

/** Nothing is set. */
const initial: Parameters = {
  ...Object.fromEntries(Object.keys(answerOptions).map((key) => [key, undefined])),
  stop: [],
};

const refused = (name: string, value: string, expected: RegExp): void =>
  assert.throws(
    () => withParameter(initial, name, value),
    (error: EngineError) => error.code === 'BAD_OPTION' && expected.test(error.message),
  );

test('a parameter takes what the command line takes, under our name or as Ollama writes it', () => {
  for (const [name, value, changed] of [
    ['temperature', '0.2', { temperature: 0.2 }],
    ['top_k', '7', { topK: 7 }],
    ['top-p', '0.5', { topP: 0.5 }],
    ['MIN_P', '0.1', { minP: 0.1 }],
    ['repeat_penalty', '1.1', { repeatPenalty: 1.1 }],
    ['seed', '42', { seed: 42 }],
    ['num_predict', '100', { maxTokens: 100 }],
    ['max-tokens', '0', { maxTokens: 0 }],
  ] as const) {
    assert.deepEqual(withParameter(initial, name, value), { ...initial, ...changed });
  }
});

test('stop takes any number of texts, in quotes where they have spaces or escapes, in place of those before', () => {
  const stops = (value: string): readonly string[] => withParameter({ ...initial, stop: ['old'] }, 'stop', value).stop;
  assert.deepEqual(stops('User:'), ['User:']);
  assert.deepEqual(stops('  User: "a b" "\\n\\n" x"y '), ['User:', 'a b', '\n\n', 'x"y']);
  assert.deepEqual(stops('"\\x" "open'), ['"\\x"', '"open'], 'what is no JSON is taken as it is');
});

test('default sets a parameter back', () => {
  const changed: Parameters = { ...initial, seed: 7, stop: ['x'], temperature: 0 };
  const back = ['seed', 'stop', 'temperature'].reduce((all, name) => withParameter(all, name, 'default'), changed);
  assert.deepEqual(back, { ...initial, seed: undefined });
});

test('a wrong value or name is refused with what would be right', () => {
  refused('temperature', 'hot', /^temperature hot is not valid; expected a number from 0 to 100, or default$/);
  refused('temperature', '500', /expected a number from 0 to 100, or default$/);
  refused('top_k', '1.5', /^top-k 1\.5 is not valid; expected a whole number from 0 to 2147483647, or default$/);
  refused('seed', '1 2', /whole number/);
  refused('num_ctx', '5', /^parameter num_ctx is not valid; expected one of max-tokens, temperature, .*think-budget$/);
});

test('each parameter is listed with its value', () => {
  const rows = new Map(parameterRows({ ...initial, stop: ['a b', '\n'] }));
  assert.deepEqual([...rows.keys()], parameterNames);
  assert.match(rows.get('temperature') ?? '', /^0\.8, or the model's own$/);
  assert.equal(new Map(parameterRows({ ...initial, temperature: 0.3 })).get('temperature'), '0.3');
  assert.equal(rows.get('seed'), 'random');
  assert.equal(rows.get('max-tokens'), 'as the context allows');
  assert.equal(rows.get('stop'), '"a b" "\\n"');
  assert.equal(new Map(parameterRows(initial)).get('stop'), 'none');
});

test('what is listed of the parameters sets them again', () => {
  const anyParameters: fc.Arbitrary<Parameters> = fc.record({
    maxTokens: fc.option(fc.nat(), { nil: undefined }),
    temperature: fc.double({ min: 0, max: 100, noNaN: true }),
    topK: fc.nat(),
    topP: fc.double({ min: 0, max: 1, noNaN: true }),
    minP: fc.double({ min: 0, max: 1, noNaN: true }),
    repeatPenalty: fc.double({ min: 0.01, max: 100, noNaN: true }),
    seed: fc.option(fc.nat(), { nil: undefined }),
    stop: fc.array(fc.string({ unit: 'binary', minLength: 1 }), { maxLength: 64 }),
    think: fc.constantFrom(undefined, true, false, 'low'),
    thinkBudget: fc.option(fc.nat(), { nil: undefined }),
  });
  const unset = parameterRows(initial).map(([, value]) => value);
  fc.assert(
    fc.property(anyParameters, (parameters) => {
      const again = parameterRows(parameters).reduce<Parameters>(
        (all, [name, value]) => withParameter(all, name, unset.includes(value) ? 'default' : value),
        initial,
      );
      assert.deepEqual(again, { ...initial, ...parameters });
    }),
  );
});

test('texts beyond their limits are refused', () => {
  const set = (name: string, value: string) => () => withParameter(initial, name, value);
  const limits = engineError('BAD_OPTION', /expected at most 64 texts of 1 to 4096 characters/);
  assert.throws(set('stop', '""'), limits);
  assert.throws(set('stop', Array.from({ length: 65 }, (_, i) => i).join(' ')), limits);
  assert.throws(set('dry-sequence-breaker', 'x'.repeat(41)), engineError('BAD_OPTION', /of 1 to 40 characters/));
});

test('a name is found however it is written', () => {
  for (const name of parameterNames) assert.equal(parameterNamed(name.toUpperCase().replaceAll('-', '_')), name);
  assert.equal(parameterNamed('num_predict'), 'max-tokens');
});
