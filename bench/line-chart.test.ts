import assert from 'node:assert/strict';
import test from 'node:test';
import { lineChartSvg } from './line-chart.ts';

const chart = {
  title: 'ablation',
  subtitle: 'three strategies',
  x: { label: 'GiB' },
  y: { label: 'tokens per second' },
};

test('points are joined from left to right, higher where the value is, and every line is named', () => {
  const svg = lineChartSvg({
    ...chart,
    series: [
      {
        name: 'rising',
        points: [
          [2, 2],
          [1, 0],
          [3, 4],
        ],
      },
      {
        name: 'flat',
        points: [
          [1, 4],
          [3, 4],
        ],
      },
    ],
  });
  const [rising = [], flat = []] = [...svg.matchAll(/-line" stroke-width="2.5" d="M([^"]+)"/g)].map((match) =>
    (match[1] ?? '').split('L').map((point) => point.split(' ').map(Number)),
  );
  assert.deepEqual(
    rising.map(([x]) => x),
    rising.map(([x]) => x).toSorted((a = 0, b = 0) => a - b),
  );
  const heights = rising.map(([, y = 0]) => y);
  assert.equal(heights[0], 408, 'zero is the bottom');
  assert.equal(heights[1], ((heights[0] ?? 0) + (heights[2] ?? 0)) / 2);
  assert.deepEqual(rising.at(-1), flat.at(-1));
  const names = [...svg.matchAll(/y="([^"]+)" font-size="13" font-weight="600">(\w+)</g)];
  assert.deepEqual(
    names.map((match) => match[2]),
    ['rising', 'flat'],
  );
  assert.equal(Number(names[1]?.[1]) - Number(names[0]?.[1]), 18, 'names never touch');
});

test('names are escaped, and series without points are left out', () => {
  const svg = lineChartSvg({
    ...chart,
    series: [
      { name: '<one>', points: [[5, 1]] },
      { name: 'none', points: [] },
    ],
  });
  assert.ok(svg.includes('>&#60;one&#62;</text>') && !svg.includes('>none<'));
  for (const picture of [svg, lineChartSvg({ ...chart, series: [] })]) assert.doesNotMatch(picture, /NaN|Infinity/);
});
