import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { linesFor, WordWrap, wrapLine } from './word-wrap.ts';

/** The lines that a terminal shows, as far as it obeys the codes that wrapping uses. */
function screen(written: string): readonly string[] {
  const lines: string[][] = [[]];
  let column = 0;
  for (const [part] of written.replaceAll('\u001b[', '\u241b').matchAll(/\u241b(\d+)D\u241bK|[\s\S]/gu)) {
    const [, back] = /^\u241b(\d+)D/.exec(part) ?? [];
    const line = lines.at(-1) ?? [];
    if (back !== undefined) {
      column -= Number(back);
      line.length = column;
    } else if (part === '\n') {
      lines.push([]);
      column = 0;
    } else {
      line[column] = part;
      column += 1;
    }
  }
  return lines.map((line) => line.join(''));
}

const wrapped = (pieces: readonly string[], columns: number): string => {
  const wrap = new WordWrap();
  return pieces.map((piece) => wrap.push(piece, columns)).join('');
};

const anyWords = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { maxLength: 40 });

test('words stand whole within the columns, however the text comes', () => {
  fc.assert(
    fc.property(anyWords, fc.integer({ min: 14, max: 60 }), fc.array(fc.nat(400)), (words, columns, cuts) => {
      const text = words.join(' ');
      const places = [0, ...cuts.map((cut) => Math.min(cut, text.length)).sort((a, b) => a - b), text.length];
      const pieces = places.slice(1).map((end, i) => text.slice(places[i], end));
      const lines = screen(wrapped(pieces, columns));
      assert.ok(lines.every((line) => line.length < columns));
      assert.deepEqual(lines.join(' ').split(/ +/).filter(Boolean), words);
      assert.deepEqual(lines, screen(wrapped([text], columns)));
    }),
  );
});

test('a word that no line holds is cut; wide characters take two columns, and are lines of their own anywhere', () => {
  assert.deepEqual(screen(wrapped(['a ', 'bcdefghijk'], 6)), ['a ', 'bcdef', 'ghijk']);
  assert.equal(wrapped(['東京都庁へ'], 6), '東京\n都庁\nへ');
});

test('code and tables are left alone', () => {
  const code = '```\nconst a = 1; // a long line\n```\n';
  const table = '| a long | row of a table |\n';
  assert.equal(wrapped([code, table], 10), code + table);
  assert.deepEqual(
    screen(wrapped([code, 'then words again'], 10)).slice(-3),
    ['', 'then ', 'words ', 'again'].slice(-3),
  );
});

test('a line of a note is cut between words, and goes on indented', () => {
  assert.deepEqual(wrapLine('  a note of some words', 12), ['  a note of', '    some', '    words']);
  assert.deepEqual(wrapLine('short', 80), ['short']);
  assert.deepEqual(linesFor('a log for people', { isTTY: true, columns: 10 }), ['a log for', '  people']);
  assert.deepEqual(linesFor('a log for people', { isTTY: false, columns: 10 }), ['a log for people']);
});
