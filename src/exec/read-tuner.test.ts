import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { ReadTuner } from './read-tuner.ts';

/** Seconds of a pass by its way, the `i`-th one. */
type Machine = (beside: boolean, i: number) => number;

/** Seconds of so many passes, and the way of each. */
const passesOf = (choice: ReadTuner, passes: number, machine: Machine) =>
  Array.from({ length: passes }, (_, i) => {
    const { beside } = choice;
    const seconds = machine(beside, i);
    choice.record(seconds);
    return { beside, seconds };
  });

const anySeconds = fc.double({ min: 1e-3, max: 100, noNaN: true });
/** Seconds that reading and computing take alone, and times as long that both take beside each other. */
const anyMachine = fc.record({
  reading: anySeconds,
  computing: anySeconds,
  slower: fc.double({ min: 1, max: 3, noNaN: true }),
});

test('weights are read while a GPU computes, unless they come faster between steps', () => {
  fc.assert(
    fc.property(anyMachine, ({ reading, computing, slower }) => {
      const choice = new ReadTuner();
      const seconds = { beside: slower * Math.max(reading, computing), between: reading + computing };
      passesOf(choice, 7, (beside) => (beside ? seconds.beside : seconds.between));
      assert.equal(choice.beside, seconds.between > 0.95 * seconds.beside);
      assert.ok(Math.abs((choice.finding?.between ?? 0) - seconds.between / seconds.beside) < 1e-9);
    }),
  );
});

test('a pass that was held up does not decide', () => {
  for (const held of [0, 1, 2, 3, 4, 5, 6]) {
    for (const faster of [true, false]) {
      const choice = new ReadTuner();
      passesOf(choice, 7, (beside, i) => (beside === faster ? 1 : 1.2) * (i === held ? 1.2 : 1));
      assert.equal(choice.beside, faster, `${held}`);
    }
  }
});

test('trying costs next to nothing in the long run, and a choice that has become wrong is mended', () => {
  fc.assert(
    fc.property(anyMachine, anyMachine, (before, after) => {
      const choice = new ReadTuner();
      const on =
        ({ reading, computing, slower }: typeof before): Machine =>
        (beside) =>
          beside ? slower * Math.max(reading, computing) : reading + computing;
      const best = (machine: typeof before): number => Math.min(on(machine)(true, 0), on(machine)(false, 0));
      const sum = (passes: readonly { seconds: number }[]): number =>
        passes.reduce((total, { seconds }) => total + seconds, 0);
      assert.ok(sum(passesOf(choice, 1000, on(before))) < 1000 * best(before) * 1.1);
      passesOf(choice, 300, on(after));
      assert.ok(sum(passesOf(choice, 1000, on(after))) < 1000 * best(after) * 1.1);
    }),
  );
});
