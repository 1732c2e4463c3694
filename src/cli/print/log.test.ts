import assert from 'node:assert/strict';
import { closeSync, constants, existsSync, openSync, readSync } from 'node:fs';
import test from 'node:test';
import { makePipe } from '../../../test/support/pipes.ts';
import { tempFolder } from '../../../test/support/temp-folder.ts';
import { logTo } from './log.ts';

test('a log on a full disk costs nothing but its lines', { skip: !existsSync('/dev/full') }, () => {
  const fd = openSync('/dev/full', 'w');
  const log = logTo('info', fd);
  for (let i = 0; i < 10; i += 1) log.info({ i }, 'said');
  closeSync(fd);
});

test('a log that nobody reads is never waited for, and goes on where it was', {
  skip: process.platform === 'win32',
}, () => {
  using folder = tempFolder();
  const pipe = folder.file('pipe');
  makePipe(pipe);
  const fd = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
  const log = logTo('info', fd);
  const text = 'x'.repeat(1000);
  for (let i = 0; i < 300; i += 1) log.info({ i, text }, 'said');
  const first = drain(fd);
  log.info({ text }, 'said');
  const whole = first + drain(fd);
  const numbers = whole
    .split('\n')
    .slice(0, -1)
    .map((line): unknown => JSON.parse(line).i);
  assert.ok(whole.length > first.length);
  assert.deepEqual(numbers, [...numbers.keys()]);
  closeSync(fd);
});

function drain(fd: number): string {
  const pieces: Buffer[] = [];
  const buffer = Buffer.alloc(2 ** 16);
  for (;;) {
    try {
      pieces.push(Buffer.from(buffer.subarray(0, readSync(fd, buffer))));
    } catch {
      return `${Buffer.concat(pieces)}`;
    }
  }
}
