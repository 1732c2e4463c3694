import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { SilenceCounter } from './silence-counter.ts';

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
