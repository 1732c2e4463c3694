import assert from 'node:assert/strict';
import test from 'node:test';
import { type Timeline, timelineSvg } from './timeline.ts';

const titles = { title: 'a pass', subtitle: 'of a model' };

/** The texts of a picture, in the order of drawing. */
const textsOf = (svg: string): readonly string[] =>
  [...svg.matchAll(/>([^<]+)<\/text>/g)].map((match) => match[1] ?? '');

/** A step of `ms` at `begin` that waited for `waited` before. */
const step = (label: string, begin: number, ms: number, waited: number = 0): Timeline['steps'][number] => ({
  requested: begin - waited,
  begin,
  end: begin + ms,
  label,
  streamed: label !== '',
});

/** Layers of one step of 10 ms each. */
const layers = (count: number, name: (i: number) => string = (i) => `blk.${i}.ffn_up.weight`): Timeline['steps'] =>
  Array.from({ length: count }, (_, i) => step(name(i), 10 * i, 10));

test('the totals count shared reading time once, and of a read only what falls into the pass', () => {
  const svg = timelineSvg({
    ...titles,
    reads: [
      { begin: 900, end: 1100, bytes: 400e6 },
      { begin: 1000, end: 1600, bytes: 900e6 },
      { begin: 1400, end: 1800, bytes: 900e6 },
      { begin: 5000, end: 6000, bytes: 1e12 },
    ],
    steps: [step('blk.0.attn_q.weight', 1250, 150, 250), step('', 1400, 100), step('output.weight', 1800, 200, 300)],
  });
  const texts = textsOf(svg).join('|');
  assert.ok(texts.includes('Pass|1.00 s|3 steps, 2.00 GB read'), texts);
  assert.ok(texts.includes('Reading|2.50 GB/s|for 800 ms, 80 % of the pass'), texts);
  assert.ok(texts.includes('Waiting|550 ms|55 % of the pass'), texts);
  assert.ok(texts.includes('Computing|450 ms|45 % of the pass'), texts);
  assert.ok(texts.includes('2 in flight') && texts.includes('resident only'), texts);
});

test('every read, wait and compute is a bar, at its time', () => {
  const svg = timelineSvg({
    ...titles,
    reads: [
      { begin: 0, end: 50, bytes: 1 },
      { begin: 25, end: 100, bytes: 1 },
    ],
    steps: [step('blk.0.attn_q.weight', 50, 25, 50), step('', 75, 25)],
  });
  const bars = [...svg.matchAll(/<path class="([\w-]+)-line" stroke-width="[^"]+" d="([^"]+)"/g)].map((match) => {
    const [, x, , width] = /^M(\S+) (\S+)h([\d.]+)$/.exec(match[2] ?? '') ?? [];
    return `${match[1]} ${x} ${width}`;
  });
  // 812 pixels from 120 on, less a seam of 0.75 after each.
  assert.deepEqual(bars.slice(1), [
    'blue 120 405.25',
    'blue 323 608.25',
    'orange 120 405.25',
    'green 526 202.25',
    'pale-green 729 202.25',
  ]);
});

test('steps of one layer share a band, and the numbers are thinned until they have room', () => {
  const bands = (svg: string): number => /class="band" d="([^"]+)"/.exec(svg)?.[1]?.match(/M/g)?.length ?? 0;
  const two = ['attn_q', 'ffn_up'].flatMap((name, i) => [
    step(`blk.0.${name}.weight`, 10 * i, 10),
    step(`blk.1.${name}.weight`, 20 + 10 * i, 10),
  ]);
  const few = timelineSvg({ ...titles, reads: [], steps: two.toSorted((a, b) => a.begin - b.begin) });
  assert.equal(bands(few), 1);
  assert.ok(textsOf(few).join('|').includes('Stage|0|1|0 ms'));

  const many = timelineSvg({ ...titles, reads: [], steps: [...layers(80), step('output.weight', 800, 40)] });
  assert.equal(bands(many), 41);
  assert.ok(textsOf(many).join('|').includes('Stage|0|5|10|15|20|25|30|35|40|45|50|55|60|65|70|75|output|'));
});

test('the axis has round times in milliseconds or seconds', () => {
  const axis = (ms: number): readonly string[] =>
    textsOf(timelineSvg({ ...titles, reads: [], steps: [step('', 0, ms)] }));
  assert.ok(axis(26).join('|').includes('|0 ms|5 ms|10 ms|15 ms|20 ms|25 ms|'));
  assert.ok(axis(1190).join('|').includes('|0 s|0.2 s|0.4 s|0.6 s|0.8 s|1.0 s|'));
});

test('labels from a file are text and nothing else, however many and however long', () => {
  const hostile = timelineSvg({
    title: '</text><script>alert(1)</script>',
    subtitle: '" onload="alert(1)',
    reads: [],
    steps: layers(3000, (i) => `<img src=x>${i}&"${'m'.repeat(300)}`),
  });
  assert.doesNotMatch(hostile, /<script|<img|" onload=/);
  assert.match(hostile, /&#60;img src=x&#62;/);
  assert.ok(hostile.length < 30_000, `${hostile.length}`);
});

test('a pass of a hundred thousand reads makes a file of less than a megabyte', () => {
  const reads = Array.from({ length: 100_000 }, (_, i) => ({ begin: i * 0.1, end: i * 0.1 + 0.75, bytes: 1e6 }));
  const steps = Array.from({ length: 5000 }, (_, i) => step(`blk.${i >> 5}.ffn_up.weight`, 2 * i + 1, 0.9, 0.9));
  const { length } = timelineSvg({ ...titles, reads, steps });
  assert.ok(length < 1e6, `${length}`);
});

test('a pass without reads, steps or both is a picture too', () => {
  const read = { begin: 1, end: 3, bytes: 5e6 };
  for (const [reads, steps] of [
    [[], []],
    [[read], []],
    [[], layers(1)],
    [[{ ...read, end: 1 }], [step('', 1, 0)]],
  ] as const) {
    const svg = timelineSvg({ ...titles, reads, steps });
    assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
  }
  assert.ok(textsOf(timelineSvg({ ...titles, reads: [read], steps: [] })).includes('2.50 GB/s'));
});
