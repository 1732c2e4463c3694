import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { engineError } from '../../test/support/engine-error.ts';
import { EngineError } from '../base/errors.ts';
import { acceptor as matcher } from './accepts.ts';
import { parseGbnf } from './gbnf.ts';

/** Checks the texts that a grammar has, and those that it has not. */
function check(grammar: string, texts: readonly string[], others: readonly string[]): void {
  const matches = matcher(parseGbnf(grammar));
  for (const text of texts) assert.ok(matches(text), `${grammar}: ${text}`);
  for (const text of others) assert.ok(!matches(text), `${grammar}: not ${text}`);
}

test('literals, classes, any character, groups and rules are what llama.cpp has', () => {
  check(
    'root ::= "a" b | "c\\n" # a comment\nb ::= [x-z0] [^x-z]',
    ['axa', 'a0é', 'c\n'],
    ['a', 'axx', 'c', 'aba', ''],
  );
  check('root ::= ("a" | "b" "c") .', ['ax', 'bc日', 'a\n'], ['a', 'bx', 'axx']);
  check('root ::= "\\x41\\u00e9\\U0001F600\\"\\\\" [\\]\\-^]', ['Aé😀"\\]', 'Aé😀"\\-', 'Aé😀"\\^'], ['Aé😀"\\x']);
  check('root ::= "a" |\n  "b"\n  | ("c"\n  "d")\n', ['a', 'b', 'cd'], ['ab', 'c']);
  check('root ::= [a-] "" | ', ['a', '-', ''], ['b', 'a-']);
});

test('a part is repeated as often as it says', () => {
  check('root ::= "a"* "b"+ "c"?', ['b', 'aabbc', 'abc'], ['', 'a', 'abcc']);
  check(
    'root ::= "a"{2} "b"{1,} "c"{0,2} "d"{,2}'.replace('{,2}', '{0,2}'),
    ['aab', 'aabbccdd'],
    ['ab', 'aabccc', 'aabddd'],
  );
  check('root ::= ("ab"? "c"){2,3}', ['cc', 'abccabc'], ['c', 'abc', 'cccc']);
  check('root ::= ("a"?){2,3} "b"', ['b', 'aab', 'aaab'], ['aaaab', 'a']);
  check('root ::= (("a"*)* ("b"*)+){0,9} "c"', ['c', 'aabbac'], ['ca']);
  check('root ::= b "a"{1,2} "a"\nb ::= "b"', ['baa', 'baaa'], ['ba', 'baaaa']);
  check('root ::= [a-z]{1,1000000}', ['a', 'z'.repeat(5000)], ['', 'aA']);
});

test('rules may contain themselves, but not begin with themselves', () => {
  check('root ::= "(" root? ")" root | ""', ['', '()', '(())()'], ['(', ')(', '(()']);
  for (const grammar of [
    'root ::= root "a" | "b"',
    'root ::= a "x"\na ::= b "y" | "z"\nb ::= a',
    'root ::= a root "x" | "y"\na ::= b\nb ::= c*\nc ::= "c"',
  ]) {
    assert.throws(() => matcher(parseGbnf(grammar)), engineError('BAD_GRAMMAR', 'begins with itself'));
  }
});

test('a grammar without a text is refused, and a branch that cannot end is not entered', () => {
  const endless = 'root ::= "a" root';
  assert.throws(() => matcher(parseGbnf(endless)), engineError('BAD_GRAMMAR', 'no text can ever be whole'));
  check('root ::= "a" b | "a"\nb ::= "b" b', ['a'], ['ab']);
});

test('a mistake is named with its line and column', () => {
  const place = (grammar: string, place: string): void =>
    assert.throws(() => parseGbnf(grammar), engineError('BAD_GRAMMAR', { place }), grammar);
  place('root ::= "a', 'line 1, column 10');
  place('root ::= "a"\nb = "c"', 'line 2, column 3');
  place('root ::= x', 'line 1, column 10');
  place('root ::= ("a"', 'line 1, column 14');
  place('root ::= "a\\q"', 'line 1, column 12');
  place('root ::= [z-a]', 'line 1, column 10');
  place('root ::= "a"{3,2}', 'line 1, column 13');
  place('root ::= *', 'line 1, column 10');
  place('root ::= [', 'line 1, column 10');
  place('start ::= "a"', 'root');
  place(`root ::= ${'('.repeat(200)}"a"${')'.repeat(200)}`, 'line 1, column 110');
});

test('no text makes the parser, or the matcher of what it reads, fail in another way or take long', () => {
  const words = [
    'root',
    '::=',
    '"a"',
    '[b-d]',
    '(',
    ')',
    '*',
    '+',
    '?',
    '{2,3}',
    '{0,99}',
    '|',
    '\n',
    'x',
    '.',
    '\\',
    ' ',
    '<',
    '!',
    '[^',
  ];
  const grammars = fc.array(fc.constantFrom(...words), { maxLength: 30 }).map((parts) => `root ::= ${parts.join(' ')}`);
  fc.assert(
    fc.property(grammars, fc.array(fc.constantFrom('a', 'b', 'x'), { maxLength: 40 }), (grammar, text) => {
      try {
        matcher(parseGbnf(grammar))(text.join(''));
      } catch (error) {
        if (!(error instanceof EngineError && error.code === 'BAD_GRAMMAR')) throw error;
      }
    }),
    { numRuns: 1000 },
  );
});

test('what llama.cpp takes minutes for is read at once, or refused', () => {
  check('root ::= (" "?){1,40} "b"', [`${' '.repeat(40)}b`, 'b'], [' '.repeat(41), ' ']);
  check('root ::= x+ "b"\nx ::= "-" | "-"', [`${'-'.repeat(1000)}b`], ['-'.repeat(1000)]);
  // Each of 40 letters may be read in two ways that differ in what has to follow.
  const ambiguous = 'root ::= "a" root "b" | "a" root "c" | "d"';
  const matches = matcher(parseGbnf(ambiguous));
  assert.throws(() => matches('a'.repeat(40)), engineError('BAD_GRAMMAR', 'too many ways'));
  const chain = Array.from({ length: 2000 }, (_, i) => `a${i} ::= a${i + 1} | a${i + 1}`);
  check(['root ::= a0', ...chain, 'a2000 ::= "x"'].join('\n'), ['x'], ['']);
});
