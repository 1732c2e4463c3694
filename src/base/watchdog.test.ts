import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { isAlive, until } from '../../test/support/processes.ts';
import type { WatchdogLimits } from './watchdog.ts';

const program = fileURLToPath(new URL('../../test/support/watched.ts', import.meta.url));

const start = (
  role: 'ticks' | 'hangs' | 'announces' | 'parent',
  { interval, most, mostOrphaned }: WatchdogLimits,
): ChildProcess => fork(program, [role, interval, most, mostOrphaned].map(String));

test('a process whose event loop hangs is ended, one whose loop goes on or that said so before is not', async () => {
  const watch = { interval: 10, most: 50, mostOrphaned: 50 };
  const roles = ['hangs', 'ticks', 'announces'] as const;
  const [hanging, ticking, announcing] = roles.map((role) => once(start(role, watch), 'exit'));
  assert.deepEqual(await ticking, [0, null]);
  assert.deepEqual(await announcing, [0, null]);
  assert.deepEqual(await hanging, [null, 'SIGKILL']);
});

test('a process that hangs is ended sooner where its parent has gone', {
  skip: process.platform !== 'linux',
}, async () => {
  const parent = start('parent', { interval: 10, most: 1e9, mostOrphaned: 3 });
  const [pid] = (await once(parent, 'message')) as [number];
  assert.ok(isAlive(pid));
  parent.kill('SIGKILL');
  await until(() => !isAlive(pid));
});
