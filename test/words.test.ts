import assert from 'node:assert/strict';
import test from 'node:test';
import { parseSource, readSources, type Source } from './support/sources.ts';

const all = ['src', 'test', 'bench', 'examples']
  .flatMap(readSources)
  // The examples of riddles below are no comments of ours.
  .filter(({ path }) => path !== 'test/words.test.ts');
const src = all.filter(({ path }) => path.startsWith('src/') && !path.endsWith('.test.ts'));

/** A sentence that begins so keeps its subject back; a question may. */
const riddle = /^(?:@\w+ (?:\w+ )?|- )?\W?(?:What|Who|Whoever|Of|By)\b(?!.*\?$)/;
const riddlesOf = ({ path, sentences }: Source): readonly string[] =>
  sentences.filter(({ text }) => riddle.test(text)).map(({ line, text }) => `${path}:${line}: ${text}`);

/** A fallback for an element that has to exist: it would hide a mistake, which `at` reports. */
const fallback =
  /(?:(?<!')\] \?\? (?:-?\d|\[\]|Number\.)|\]\?\.\w+ \?\? (?:\d|\[\])|\.at\([^()]*\) \?\? (?:-?\d|\[\]))/;
const fallbacksOf = ({ path, code }: Source): readonly string[] =>
  code
    .split('\n')
    .filter((line) => fallback.test(line))
    .map((line) => `${path}: ${line.trim()}`);

test('the sentences of comments begin with their subject, not with What, Who, Whoever, Of or By', () => {
  assert.deepEqual(all.flatMap(riddlesOf), []);
});

test('an element that must exist is taken with `at`, not replaced by a number or an empty list', () => {
  assert.deepEqual(src.flatMap(fallbacksOf), []);
});

test('the rules see riddles and fallbacks wherever they stand', () => {
  const source = parseSource(
    'src/x.ts',
    `/** What it is. */
const a = list[i] ?? 0; // Of one.
/**
 * A sum. By name:
 * what is not a sentence is not looked at.
 * Who asks?
 *
 * - Whoever comes
 * @param x Who it is
 */
const b = options.depth ?? 0;
// Two lines, of
// which the second ends one. What
// follows is another.
const c = list.at(-1) ?? [];
`,
  );
  assert.deepEqual(
    riddlesOf(source).map((riddle) => riddle.slice('src/x.ts:'.length)),
    [
      '1: What it is.',
      '2: Of one.',
      '3: By name:',
      '3: - Whoever comes',
      '3: @param x Who it is',
      '12: What follows is another.',
    ],
  );
  assert.equal(fallbacksOf(source).length, 2);
});
