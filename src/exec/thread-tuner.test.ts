import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { ThreadTuner } from './thread-tuner.ts';

interface Machine {
  /** Seconds that one thread computes. */
  readonly work: number;
  /** Seconds that reading takes, at the same time. */
  readonly reading: number;
  /** Cores that this process has, of those that it has threads for. */
  readonly cores?: number;
}

/** Threads on fewer cores wait for each other, three times as long as they compute. */
const computing = (threads: number, { work, cores = 64 }: Machine): number =>
  threads <= cores ? work / threads : (3 * work) / cores;

/** The threads of so many passes. */
const passesOf = (choice: ThreadTuner, passes: number, machine: Machine): number[] =>
  Array.from({ length: passes }, () => {
    const { threads } = choice;
    const compute = computing(threads, machine);
    const stall = Math.max(0, machine.reading - compute);
    choice.record({ steps: 1, compute, stall, cpu: Math.min(threads, machine.cores ?? 64) * compute });
    return threads;
  });

test('as few threads compute as hide behind reading', () => {
  const choice = new ThreadTuner(8);
  assert.deepEqual(passesOf(choice, 6, { work: 0.5, reading: 1 }), [8, 4, 2, 1, 1, 1]);
});

test('all threads compute where computing takes longer than reading', () => {
  const choice = new ThreadTuner(8);
  assert.deepEqual([...new Set(passesOf(choice, 200, { work: 9, reading: 1 }))], [8]);
});

test('where others take cores, fewer threads are faster, and all come back afterwards', () => {
  const choice = new ThreadTuner(2);
  assert.deepEqual(passesOf(choice, 4, { work: 1, reading: 0.7, cores: 1.5 }), [2, 1, 1, 1]);
  assert.equal(passesOf(choice, 100, { work: 1, reading: 0.4 }).at(-1), 2);
});

test('threads come back when there is more to compute', () => {
  const choice = new ThreadTuner(4);
  passesOf(choice, 5, { work: 0.5, reading: 1 });
  assert.equal(choice.threads, 1);
  assert.equal(passesOf(choice, 5, { work: 3.2, reading: 1 }).at(-1), 4);
});

test('a short pass that was held up does not decide', () => {
  const choice = new ThreadTuner(2);
  const used = Array.from({ length: 500 }, (_, i) => {
    const compute = 0.02 / choice.threads;
    const heldUp = i % 5 === 2 ? 0.03 : 0;
    choice.record({ steps: 1, compute: compute + heldUp, stall: 0, cpu: choice.threads * compute });
    return choice.threads;
  });
  assert.deepEqual([...new Set(used)], [2]);
});

test('threads stay awake between many short steps, and sleep between few or long ones', () => {
  const choice = new ThreadTuner(2);
  const spins = (steps: number, compute: number): boolean => {
    choice.record({ steps, compute, stall: 0.02, cpu: 0.06 });
    return choice.spin;
  };
  assert.deepEqual([spins(144, 0.06), spins(23, 0.02), spins(144, 0.06), spins(144, 1)], [true, false, true, false]);
});

test('short passes are judged after some of them', () => {
  const choice = new ThreadTuner(2);
  assert.deepEqual(passesOf(choice, 10, { work: 0.01, reading: 0.02 }), [...Array(9).fill(2), 1]);
});

test('trying costs next to nothing', () => {
  const machine = fc.record({ work: fc.double({ min: 0.01, max: 20, noNaN: true }), reading: fc.constant(1) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), machine, (most, { work, reading }) => {
      const used = passesOf(new ThreadTuner(most), 1000, { work, reading });
      assert.ok(used.every((threads) => threads >= 1 && threads <= most));
      const time = used.reduce((sum, threads) => sum + Math.max(reading, work / threads), 0);
      assert.ok(time <= 1.06 * 1000 * Math.max(reading, work / most) + 10);
    }),
  );
});
