import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { ObjectText } from './object-text.ts';

const whole = (...parts: readonly string[]): string => {
  const object = new ObjectText();
  return parts.map((part) => object.push(part)).join('') + object.end();
};

test('an object goes through as it is written', () => {
  const objects = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue());
  fc.assert(
    fc.property(objects, fc.constantFrom(undefined, 1, '\t'), (value, space) => {
      const json = JSON.stringify(value, null, space);
      assert.equal(whole(json), json);
    }),
  );
});

test('whatever comes is an object in the end, and its begin at any time, however it is cut', () => {
  const words = [
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    ':',
    ',',
    '=',
    '\\',
    '\\u',
    'd8',
    'a',
    ' b',
    '1',
    'null',
    'True',
    '\n',
    '\u0001',
  ];
  const text = fc.array(fc.oneof(fc.constantFrom(...words), fc.string({ unit: 'binary', maxLength: 3 })), {
    maxLength: 30,
  });
  fc.assert(
    fc.property(text, (parts) => {
      const json = whole(...parts);
      const value: unknown = JSON.parse(json);
      assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value), json);
      assert.equal(whole(...Array.from(parts.join(''))), json);
      const object = new ObjectText();
      const begin = parts.map((part) => object.push(part)).join('');
      assert.ok(json.startsWith(begin));
    }),
    { numRuns: 2000 },
  );
});

test('what is no JSON is what a model means by it', () => {
  for (const [text, value] of [
    ['', {}],
    ['null', {}],
    ['{"a": b c, "d": True, e: None,}', { a: 'b c', d: true, e: null }],
    ["{'a': 'it\\'s \"b\"', 'c': '\\d'}", { a: 'it\'s "b"', c: '\\d' }],
    ['{"a": [1, 2,], "b": {"c": 3}', { a: [1, 2], b: { c: 3 } }],
    ['{"a": [1, {"b": 2}, "c": 3} and more', { a: [1, { b: 2 }, 'c', 3] }],
    ['{"a" 1 "b" = 2}', { a: '1 "b" = 2' }],
    ['{"a", "b":, "c": 1}', { a: null, b: null, c: 1 }],
    ['[1, "x"]', { argument1: [1, 'x'] }],
    ['"x"', { argument1: 'x' }],
    ['3', { argument1: 3 }],
    ['{"a": NaN, "b": 1.50, "c": "\\ud83d\\ude00 \\uzz"}', { a: 'NaN', b: 1.5, c: '😀 \\uzz' }],
    ['{"a": "half', { a: 'half' }],
    ['{{"a": 1}}', { argument1: { a: 1 } }],
  ] as const) {
    assert.deepEqual([text, JSON.parse(whole(text))], [text, value]);
  }
});
