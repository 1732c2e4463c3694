import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { longestSilence, SilenceCounter } from './silence-counter.ts';

test('the intervals since the last sign of life count, and no others', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean()), (passes) => {
      const silence = new SilenceCounter();
      for (const passed of passes) {
        if (passed) silence.pass();
        else silence.break();
      }
      assert.equal(silence.intervals, passes.length - 1 - passes.lastIndexOf(false));
    }),
  );
});

test('a silence that was announced may be longer by as much, until the next sign of life', () => {
  fc.assert(
    fc.property(fc.nat(400), (announced) => {
      const silence = new SilenceCounter();
      const intervalsUntilTooLong = (): number => {
        while (!silence.isTooLong) silence.pass();
        return silence.intervals;
      };
      silence.pass();
      silence.announce(announced);
      assert.equal(intervalsUntilTooLong(), longestSilence + announced);
      silence.break();
      assert.equal(intervalsUntilTooLong(), longestSilence);
    }),
  );
});
