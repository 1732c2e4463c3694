import assert from 'node:assert/strict';
import test from 'node:test';
import { timelineSvg } from './timeline.ts';

const pass = { title: 'a pass', subtitle: 'of a mixture', reads: [], steps: [] };
const layers = [
  { name: 'blk.0', asked: 8, hits: 6, waited: 1 },
  { name: 'blk.1', asked: 8, hits: 8, waited: 0 },
  { name: 'blk.2', asked: 8, hits: 0, waited: 4 },
];

/** The heights of the bars of a colour, from left to right. */
const heightsOf = (svg: string, colour: string): readonly number[] =>
  [...svg.matchAll(new RegExp(`<path class="${colour}" d="([^"]+)"`, 'g'))].flatMap(([, d = '']) =>
    [...d.matchAll(/v([\d.]+)/g)].map(([, height]) => Number(height)),
  );

test('a bar for each layer says how many experts were found, how many read, and how long they were waited for', () => {
  const svg = timelineSvg({ ...pass, experts: layers });
  assert.deepEqual(heightsOf(svg, 'green'), [63, 84]);
  assert.deepEqual(heightsOf(svg, 'blue'), [21, 84]);
  assert.deepEqual(heightsOf(svg, 'orange'), [9, 36]);
  const texts = [...svg.matchAll(/>([^<]+)<\/text>/g)].map(([, text]) => text).join('|');
  for (const part of ['Layer|0|1|2|', 'Experts|58 % found', 'Waiting|to 4.00 ms']) {
    assert.ok(texts.includes(part), texts);
  }
});

test('the picture of a model without experts has no such part, and nothing asked for is no bar', () => {
  const bare = timelineSvg(pass);
  assert.equal(timelineSvg({ ...pass, experts: [] }), bare);
  assert.doesNotMatch(bare, /Experts/);
  const idle = timelineSvg({ ...pass, experts: [{ name: 'blk.0', asked: 0, hits: 0, waited: 0 }] });
  assert.deepEqual(
    ['green', 'blue', 'orange'].flatMap((colour) => heightsOf(idle, colour)),
    [],
  );
});
