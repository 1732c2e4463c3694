import assert from 'node:assert/strict';
import test from 'node:test';
import { weightOf } from '../../test/support/weights.ts';
import { expertLength, routedBanks } from './routed-banks.ts';

test('the experts of each router are its matrices, in order of use, whatever is used between them', () => {
  const bank = (name: string, router: number) => ({
    weight: weightOf(name, 'f32', [10, 20, router === 0 ? 8 : 4]),
    streamable: false,
    experts: { router, used: router + 1 },
  });
  const dense = { weight: weightOf('dense', 'f32', [10, 20]), streamable: true };
  const entries = [bank('gate', 0), dense, bank('up', 1), bank('down', 0)] as const;
  const [gate, , up, down] = entries.map(({ weight }) => weight);
  assert.equal(expertLength(entries[0].weight), 800);
  assert.deepEqual(routedBanks(entries), [
    { experts: 8, used: 1, expertBytes: 1600, weights: [gate, down] },
    { experts: 4, used: 2, expertBytes: 800, weights: [up] },
  ]);
  assert.deepEqual(routedBanks([dense]), []);
});
