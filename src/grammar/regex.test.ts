import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { engineError } from '../../test/support/engine-error.ts';
import { acceptor as matcher } from './accepts.ts';
import { stringCharacter } from './json-text.ts';
import { parseRegex, regexTexts } from './regex.ts';

const atoms = [
  'a',
  'b',
  '.',
  '[a-c]',
  '[^ab]',
  '\\d',
  '\\W',
  'é',
  '(?:ab|c)',
  '(a|)',
  '\\.',
  '[\\d-]',
  '\\u0062',
  '\\x61',
];
const times = ['', '', '', '*', '+?', '?', '{2}', '{1,2}', '{0,}'];
const part = fc.tuple(fc.constantFrom(...atoms), fc.constantFrom(...times)).map((parts) => parts.join(''));
const branch = fc.array(part, { maxLength: 4 }).map((parts) => parts.join(''));
const pattern = fc
  .array(fc.tuple(fc.constantFrom('', '^'), branch, fc.constantFrom('', '$')), { minLength: 1, maxLength: 3 })
  .map((branches) => branches.map((parts) => parts.join('')).join('|'));
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1', '.', '-', 'é', '\n'), maxLength: 6 });

test('a regular expression has the texts that JavaScript matches with it as a whole', () => {
  fc.assert(
    fc.property(branch, fc.array(text, { maxLength: 20 }), (branch, texts) => {
      const matches = matcher(regexTexts(branch));
      const expected = new RegExp(`^(?:${branch})$`, 'u');
      for (const text of texts) assert.equal(matches(text), expected.test(text), `/${branch}/ ${JSON.stringify(text)}`);
    }),
    { numRuns: 300 },
  );
});

test('a pattern in a JSON string is looked for within the text, and what it has to escape is escaped', () => {
  const character = stringCharacter;
  fc.assert(
    fc.property(pattern, fc.array(text, { maxLength: 20 }), (pattern, texts) => {
      const { node, min, max } = parseRegex(pattern, { place: '#', search: true, character });
      const matches = matcher(node);
      const expected = new RegExp(pattern, 'u');
      for (const text of texts) {
        const isFound = expected.test(text);
        assert.equal(matches(JSON.stringify(text).slice(1, -1)), isFound, `/${pattern}/ ${JSON.stringify(text)}`);
        if (isFound) assert.ok(text.length >= min && text.length <= max);
      }
    }),
    { numRuns: 300 },
  );
});

test('what is not regular, or not valid, is refused at its place', () => {
  const refused = (pattern: string, place: string): void =>
    assert.throws(
      () => regexTexts(pattern),
      engineError('BAD_GRAMMAR', { place: `the pattern, character ${place}` }),
      pattern,
    );
  refused('a(?=b)', '3');
  refused('(a)\\1', '6');
  refused('a\\b', '4');
  refused('a^b', '2');
  refused('(a$)', '3');
  refused('a{3,2}', '7');
  refused('[b-a]', '5');
  refused('[a', '3');
  refused('(a', '3');
  refused('a)', '2');
  refused('*', '1');
  refused('\\p{L}', '3');
  refused(`${'('.repeat(200)}a${')'.repeat(200)}`, '102');
});
