import assert from 'node:assert/strict';
import test from 'node:test';
import { strftime } from './strftime.ts';

const date = new Date(2025, 2, 4, 0, 5, 9);

test('dates are written in English and local time', () => {
  assert.equal(strftime(date, '%d %b %Y'), '04 Mar 2025');
  assert.equal(strftime(date, '%A, %B %-d, %Y'), 'Tuesday, March 4, 2025');
  assert.equal(strftime(date, '%Y-%m-%dT%H:%M:%S'), '2025-03-04T00:05:09');
  assert.equal(strftime(date, "%a %e %y, %I:%M %p, %-H o'clock"), "Tue  4 25, 12:05 AM, 0 o'clock");
  assert.equal(strftime(new Date(2025, 11, 31, 13), '%I %p'), '01 PM');
});

test('a percent sign is written twice, and an unknown field stays', () => {
  assert.equal(strftime(date, '100%% %Q %'), '100% %Q %');
});

test('dates have the fields of C', () => {
  assert.equal(strftime(date, '%F %T|%D %R|%c'), '2025-03-04 00:05:09|03/04/25 00:05|Tue Mar  4 00:05:09 2025');
  assert.equal(strftime(date, '%j %w %u %U %W %C %k %l %P %h [%Z]'), '063 2 2 09 09 20  0 12 am Mar []');
  assert.equal(strftime(new Date(2023, 0, 1), '%j %U %W'), '001 01 00');
  assert.equal(strftime(new Date(2024, 11, 31), '%j %U %W'), '366 52 53');
  assert.throws(() => strftime(date, '%G'), /not supported/);
});
