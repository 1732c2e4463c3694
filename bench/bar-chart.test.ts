import assert from 'node:assert/strict';
import test from 'node:test';
import { barChartSvg } from './bar-chart.ts';

const chart = { title: 'decode', subtitle: 'a budget', unit: 'tokens per second' };

test('bars are as long as their values, which stand beside them with their spread', () => {
  const svg = barChartSvg({
    ...chart,
    bars: [
      { label: 'ours', value: 4, low: 3.5, high: 5, highlight: true },
      { label: 'theirs', value: 2 },
    ],
  });
  const width = (colour: string): number =>
    Number(new RegExp(`class="${colour}" x="[^"]+" y="[^"]+" width="([^"]+)" height="22"`).exec(svg)?.[1]);
  assert.ok(Math.abs(width('blue') - 2 * width('neutral')) < 0.02);
  for (const content of ['tokens per second', 'ours', '4.00', '3.50 – 5.00', 'theirs', '2.00']) {
    assert.ok(svg.includes(`>${content}</text>`), content);
  }
  assert.equal(svg.match(/text-line/g)?.length, 3, 'one whisker, and the two rules of its colour');
});

test('labels are escaped, and a chart of nothing is a picture too', () => {
  const svg = barChartSvg({ ...chart, bars: [{ label: '<b>&', value: 0 }] });
  assert.ok(svg.includes('>&#60;b&#62;&#38;</text>'));
  for (const picture of [svg, barChartSvg({ ...chart, bars: [] })]) assert.doesNotMatch(picture, /NaN|Infinity/);
});
