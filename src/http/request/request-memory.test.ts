import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { Refusal } from '../refusal.ts';
import { RequestMemory, Reservation } from './request-memory.ts';

test('what requests hold never exceeds the memory for it, and is given back; those that have ended hold nothing more', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(4), fc.nat(60), fc.boolean())), (steps) => {
      const memory = new RequestMemory(100);
      const reservations = Array.from({ length: 5 }, () => ({
        reservation: new Reservation(memory),
        bytes: 0,
        over: false,
      }));
      for (const [i, bytes, over] of steps) {
        const one = reservations[i];
        if (!one) continue;
        const taken = reservations.reduce((sum, { bytes }) => sum + bytes, 0);
        if (over) {
          one.reservation[Symbol.dispose]();
          one.bytes = 0;
          one.over = true;
        } else if (one.over) one.reservation.add(bytes);
        else if (taken + bytes <= 100) {
          one.reservation.add(bytes);
          one.bytes += bytes;
        } else assert.throws(() => one.reservation.add(bytes), Refusal);
      }
      for (const { reservation } of reservations) reservation[Symbol.dispose]();
      assert.ok(memory.reserve(100));
    }),
  );
});
