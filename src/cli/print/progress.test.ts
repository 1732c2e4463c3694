import assert from 'node:assert/strict';
import test from 'node:test';
import { Progress } from './progress.ts';
import { progressLine } from './progress-line.ts';

const GiB = 2 ** 30;

test('a line has what is done, the rate and the time left', () => {
  assert.equal(
    progressLine('loading', { done: 2 * GiB, total: 3 * GiB }, 1),
    'loading  2 GiB of 3 GiB  2 GiB/s  1s left',
  );
  assert.equal(
    progressLine('prompt', { done: 100.4, total: 400, bytes: 8 * GiB }, 4),
    'prompt  100 of 400 tokens  8 GiB read  2 GiB/s  12s left',
  );
  assert.equal(
    progressLine('pulling', { done: 2 * GiB, total: 3 * GiB, before: GiB }, 1),
    'pulling  2 GiB of 3 GiB  1 GiB/s  1s left',
  );
  assert.match(progressLine('loading', { done: 1, total: 118 }, 1), / {2}1m 57s left$/);
  assert.match(progressLine('loading', { done: 1, total: 7501 }, 1), / {2}2h 5m left$/);
});

test('the time left is told as soon as there is something to judge by', () => {
  assert.equal(progressLine('loading', { done: 0, total: GiB }, 0), 'loading  0 B of 1 GiB');
  assert.equal(progressLine('loading', { done: 1024, total: GiB }, 0.5), 'loading  1 KiB of 1 GiB  2 KiB/s');
  assert.equal(progressLine('checking', { done: GiB, total: 2 * GiB, before: GiB }, 0.5), 'checking  1 GiB of 2 GiB');
});

/** Collects what is written to a stream of 40 columns. */
function stream(isTTY: boolean): { written: string[]; stream: NodeJS.WriteStream } {
  const written: string[] = [];
  const write = (text: string): boolean => written.push(text) > 0;
  return { written, stream: { isTTY, columns: 40, write } as unknown as NodeJS.WriteStream };
}

test('on a terminal the line is written over and cleared at the end, and never wraps', () => {
  const { written, stream: terminal } = stream(true);
  {
    using progress = new Progress('a title that is rather long', terminal);
    progress.update({ done: 1, total: 2 });
    progress.update({ done: 2, total: 2 });
  }
  assert.equal(written.length, 2, 'two updates at once are one');
  assert.ok(written[0]?.startsWith('\r\x1b[Ka title') && written[0].length <= 40 + '\r\x1b[K'.length);
  assert.equal(written[1], '\r\x1b[K');
});

test('a line that was cleared comes back with the next update, one that has ended does not', () => {
  const { written, stream: terminal } = stream(true);
  const progress = new Progress('loading', terminal);
  for (const clear of [() => progress.clear(), () => progress[Symbol.dispose]()]) {
    progress.update({ done: 1, total: 2 });
    clear();
  }
  assert.equal(written.length, 4);
  progress.update({ done: 2, total: 2 });
  assert.equal(written.length, 4);
});

test('where there is no terminal nothing is written', () => {
  const { written, stream: pipe } = stream(false);
  {
    using progress = new Progress('loading', pipe);
    progress.update({ done: 1, total: 2 });
  }
  assert.deepEqual(written, []);
});
