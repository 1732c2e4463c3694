import assert from 'node:assert/strict';
import test from 'node:test';
import { weightOf } from '../../test/support/weights.ts';
import { atLeastAsSeen, type DecodedPasses, decodeLimit } from './decode-limit.ts';
import type { Plan } from './plan.ts';
import type { RoutedBank } from './routed-banks.ts';

const close = (a: number, b: number): void => assert.ok(Math.abs(a - b) <= 1e-9 * Math.abs(b), `${a} is not ${b}`);

/** 1024 bytes that every token uses, and banks of experts with slots. */
function planOf(...banks: readonly RoutedBank[]): Plan {
  const weights = [weightOf('dense', 'f32', [64, 4]), ...banks.flatMap(({ weights }) => weights)];
  return {
    slices: weights.map((weight, id) => ({ id, weight, row: 0, shape: weight.shape, extent: weight.extent })),
    placements: weights.map((_, i) => (i === 0 ? { kind: 'resident', offset: 0 } : { kind: 'experts' })),
    experts: banks.length > 0 ? { slots: 4, banks } : undefined,
  } as Partial<Plan> as Plan;
}

const decoded = (work: Partial<DecodedPasses>): DecodedPasses => ({
  passes: 2,
  bytes: 0,
  computing: 0,
  experts: [],
  ...work,
});

test('the limit of a dense model is the slower of reading and computing', () => {
  assert.equal(decodeLimit(planOf(), decoded({ bytes: 100, computing: 0.2 }), 100), 1);
  assert.equal(decodeLimit(planOf(), decoded({ bytes: 100, computing: 1.8 }), 100), 1.8);
  assert.equal(decodeLimit(planOf(), decoded({ computing: 0.7 }), Number.POSITIVE_INFINITY), 0.7);
  assert.equal(decodeLimit(planOf(), decoded({ passes: 0 }), 100), 0);
});

/** 8 experts of 512 bytes, two of which a token uses: as many bytes as all others. */
const bank: RoutedBank = {
  experts: 8,
  used: 2,
  expertBytes: 512,
  weights: [weightOf('up', 'f32', [32, 4, 8])],
};

test('of a mixture the missing experts of a layer are read while only those that are there can be computed', () => {
  const plan = planOf(bank);
  // The experts' share of 4 s of computing is 2 s. One of four is missing: it is read in 4 s, while 1.5 s are computed.
  const experts = [{ asked: 4, hits: 3 }];
  close(decodeLimit(plan, decoded({ bytes: 512, computing: 4, experts }), 128), 2 + 4 + 0.5);
  // Read in no time it costs nothing.
  close(decodeLimit(plan, decoded({ bytes: 512, computing: 4, experts }), 1e12), 4);
  // Weights that stream beside it are read at any time.
  close(decodeLimit(plan, decoded({ bytes: 2048, computing: 4, experts }), 128), 16);
});

test('layers do not make up for each other', () => {
  const plan = planOf(bank, { ...bank, weights: [weightOf('other', 'f32', [32, 4, 8])] });
  const all = [
    { asked: 4, hits: 4 },
    { asked: 4, hits: 4 },
  ];
  const uneven = [
    { asked: 4, hits: 4 },
    { asked: 4, hits: 0 },
  ];
  // 2 s of computing for each layer's experts, and for the others' weights.
  close(decodeLimit(plan, decoded({ computing: 6, experts: all }), 1024), 6);
  close(decodeLimit(plan, decoded({ bytes: 2048, computing: 6, experts: uneven }), 1024), 6 + 2);
});

test('the limit is at least what was seen while decoding', () => {
  const seen = { bytes: 100, computing: 3, reading: 4 };
  assert.deepEqual(atLeastAsSeen({ computing: 2, rate: 30 }, seen), { computing: 2, rate: 30 });
  assert.deepEqual(atLeastAsSeen({ computing: 5, rate: 20 }, seen), { computing: 3, rate: 25 });
  const nothing = { bytes: 0, computing: 3, reading: 0 };
  assert.deepEqual(atLeastAsSeen({ computing: 5, rate: Infinity }, nothing), { computing: 3, rate: Infinity });
});
