import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Refusal } from './refusal.ts';
import { Hold, Room } from './room.ts';

test('what requests hold never exceeds the room, and is given back; those that have ended hold nothing more', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(4), fc.nat(60), fc.boolean())), (steps) => {
      const room = new Room(100);
      const holds = Array.from({ length: 5 }, () => ({ hold: new Hold(room), bytes: 0, over: false }));
      for (const [i, bytes, over] of steps) {
        const one = holds[i];
        if (!one) continue;
        const taken = holds.reduce((sum, { bytes }) => sum + bytes, 0);
        if (over) {
          one.hold[Symbol.dispose]();
          one.bytes = 0;
          one.over = true;
        } else if (one.over) one.hold.add(bytes);
        else if (taken + bytes <= 100) {
          one.hold.add(bytes);
          one.bytes += bytes;
        } else assert.throws(() => one.hold.add(bytes), Refusal);
      }
      for (const { hold } of holds) hold[Symbol.dispose]();
      assert.ok(room.take(100));
    }),
  );
});
