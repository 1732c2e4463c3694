import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { coordinate, digits, fitText, picture, text, textWidth, ticks } from './svg.ts';

/** `content` as a picture has it. */
const escaped = (content: string): string =>
  text(0, 0, content).slice(text(0, 0, '').length - '</text>'.length, -'</text>'.length);

test('no text can open an element, end an attribute or hold what XML forbids', () => {
  assert.equal(escaped(`<a b="c">&'`), '&#60;a b=&#34;c&#34;&#62;&#38;&#39;');
  assert.equal(escaped('a\u0000b\nc\u202Ed\uFFFEe\uD800f'), 'a\uFFFDb\uFFFDc\uFFFDd\uFFFDe\uFFFDf');
  assert.equal(escaped('größer 模型 🙂'), 'größer 模型 🙂');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (string) => {
      assert.doesNotMatch(escaped(string), /[<>"'\p{Cc}\p{Cs}]|&(?!#\d+;)/u);
    }),
  );
});

test('text is cut to fit, with an ellipsis, and never inside a character', () => {
  assert.equal(fitText('short', 10, 100), 'short');
  const cut = fitText('🙂'.repeat(50), 10, 100);
  assert.ok(/^(?:🙂)+…$/u.test(cut) && textWidth(cut, 10) <= 100);
  assert.equal(fitText('anything', 10, 0), '…');
});

test('ticks are round, evenly spaced, inside the range and never many', () => {
  const labels = (from: number, to: number): string =>
    ticks(from, to, 8)
      .map(({ label }) => label)
      .join(' ');
  assert.equal(labels(0, 1.14), '0 0.2 0.4 0.6 0.8 1.0');
  assert.equal(labels(0, 8), '0 1 2 3 4 5 6 7 8');
  assert.equal(labels(1, 4), '1.0 1.5 2.0 2.5 3.0 3.5 4.0');
  assert.equal(labels(-5, 30), '-5 0 5 10 15 20 25 30');
  assert.equal(labels(3, 3), '');
  fc.assert(
    fc.property(fc.double({ min: 1e-6, max: 1e9, noNaN: true }), (to) => {
      const all = ticks(0, to, 8);
      assert.ok(all.length >= 2 && all.length <= 9 && all.every(({ at }) => at >= 0 && at <= to * (1 + 1e-6)));
      assert.equal(new Set(all.map(({ label }) => label)).size, all.length);
    }),
  );
});

test('numbers are as exact as they need to be', () => {
  assert.deepEqual(
    [0, 0.123, 1.234, 9.999, 12.34, 99.96, 1234.5].map(digits),
    '0 0.12 1.23 10.0 12.3 100 1235'.split(' '),
  );
  assert.deepEqual([1, 1.239, -0.001, 100.5].map(coordinate), ['1', '1.24', '0', '100.5']);
});

test('a picture follows the mode of its reader and refers to nothing outside', () => {
  const svg = picture({ title: 'a & b', subtitle: '"c"', height: 200, body: [text(1, 2, '<d>'), ''] });
  assert.match(
    svg,
    /^<svg xmlns="[^"]+" width="960" height="200" viewBox="0 0 960 200" role="img" aria-label="a &#38; b/,
  );
  assert.match(svg, /@media\(prefers-color-scheme:dark\)/);
  assert.ok(svg.includes('>&#60;d&#62;</text>') && svg.endsWith('</svg>\n'));
  assert.doesNotMatch(svg.replace('http://www.w3.org/2000/svg', ''), /http|url\(|@import|href|<script/);
});
