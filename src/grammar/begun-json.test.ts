import assert from 'node:assert/strict';
import test from 'node:test';
import { toUSVString } from 'node:util';
import fc from 'fast-check';
import { Automaton, type State } from './automaton.ts';
import { stateBehindJson } from './begun-json.ts';
import { type GrammarSource, grammarOf } from './source.ts';

const noTokens = { named: () => undefined, controlAt: () => undefined };
const schema = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    sizes: { type: 'array', items: { type: 'integer' } },
    kind: { enum: ['a "b"', 'c  d'] },
  },
  required: ['name', 'sizes', 'kind'],
  additionalProperties: false,
};
const automaton = (source: GrammarSource): Automaton => new Automaton(grammarOf(source), noTokens);
const ofSchema = automaton({ kind: 'schema', schema });

const isWhole = (text: string): boolean => toUSVString(text) === text;

/** True if the value whose begin was given may go on so, and end. */
function endsWith(begin: string, rest: string): boolean {
  let state: State | undefined = stateBehindJson(ofSchema, begin);
  for (const byte of Buffer.from(rest)) state = state && ofSchema.advance(state, byte);
  return state?.accepts ?? false;
}

test('a value of a schema goes on wherever it was left, and whatever blanks stand between its parts', () => {
  const value = fc.record({
    name: fc.string({ unit: 'binary' }).filter(isWhole),
    sizes: fc.array(fc.integer()),
    kind: fc.constantFrom('a "b"', 'c  d'),
  });
  const blank = fc.constantFrom('', ' ', '\n\n\t ', '      ');
  fc.assert(
    fc.property(value, blank, fc.nat(), (object, between, place) => {
      const text = JSON.stringify(object);
      const at = 1 + (place % text.length);
      // A character of two units is not cut in halves.
      fc.pre(isWhole(text.slice(0, at)));
      assert.ok(endsWith(text.slice(0, at), text.slice(at)));
      const spaced = JSON.stringify(object, undefined, between);
      assert.ok(endsWith(spaced, ''), spaced);
    }),
    { numRuns: 300 },
  );
});

test('what no value begins with is no begin, nor is a blank within a string another one', () => {
  for (const text of ['[', '{"other', 'Here it is: {', '{"name": 1', '{"name": "x", "sizes": [], "kind": "c d']) {
    assert.equal(stateBehindJson(ofSchema, text), undefined, text);
  }
  assert.equal(endsWith('{"name" :"x" ,\n "sizes"\t: [1 , 2 ],"kind":  "c  ', 'd"}'), true);
});

test('a number that has ended is not made longer', () => {
  assert.equal(endsWith('{"name": "x", "sizes": [1 ', '], "kind": "c  d"}'), true);
  assert.equal(endsWith('{"name": "x", "sizes": [1 ', '2], "kind": "c  d"}'), false);
  assert.equal(endsWith('{"name": "x", "sizes": [1 2', '], "kind": "c  d"}'), false);
});
