import assert from 'node:assert/strict';
import test from 'node:test';
import { promptReports } from './prompt-reports.ts';

test('a prompt is reported from what was there already to its end, and not too often between', () => {
  const said: (readonly [tokens: number, seconds: number])[] = [];
  let time = 0;
  const report = promptReports(
    ({ tokens, seconds }) => said.push([tokens, seconds]),
    () => time,
  );
  for (const [at, tokens] of [
    [10, 40],
    [100, 50],
    [250, 60.5],
    [260, 100],
  ] as const) {
    time = at;
    report({ tokens, total: 100, cached: 20, bytes: 0 });
  }
  assert.deepEqual(said, [
    [20, 0],
    [40, 0.01],
    [60, 0.25],
    [100, 0.26],
  ]);
});

test('a prompt of which only the last token is computed is reported twice', () => {
  const said: number[] = [];
  const report = promptReports(({ tokens }) => said.push(tokens));
  report({ tokens: 9, total: 10, cached: 9, bytes: 0 });
  report({ tokens: 10, total: 10, cached: 9, bytes: 0 });
  assert.deepEqual(said, [9, 10]);
});
