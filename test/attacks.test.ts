import assert from 'node:assert/strict';
import test from 'node:test';
import { attacks } from './long/attacks/all.ts';
import type { AttackOptions } from './long/attacks/attack.ts';

/** A few cases of each attack, seconds in all; `npm run test:long -- attacks` tries the whole of it. */
const samples: Readonly<Record<keyof typeof attacks, Omit<AttackOptions, 'seed'>>> = {
  headers: { count: 300 },
  graphs: { count: 8 },
  weights: { count: 6 },
  sessions: { count: 60 },
  http: { count: 12, step: 7 },
  json: { count: 12, step: 9 },
  types: { count: 24, step: 61 },
  probes: { count: 20, step: 6 },
  keys: { count: 8, step: 5 },
  cuts: { count: 20 },
  slow: { count: 20 },
  engines: { count: 2 },
  servers: { count: 1 },
  greedy: { count: 1, from: 2 },
  hungry: { count: 1, from: 6 },
  grammars: { count: 1 },
  runs: { count: 1 },
  served: { count: 1 },
  large: { count: 2, step: 5 },
};

for (const [id, attack] of Object.entries(attacks)) {
  test(`nothing falls to ${attack.name}`, { skip: process.platform !== 'linux' }, async (t) => {
    const sample = samples[id] ?? assert.fail(`there is no sample of ${id}`);
    const { tried, fallen, outcomes, skipped } = await attack.run({ seed: 'sample', ...sample });
    if (skipped !== undefined) return t.skip(skipped);
    t.diagnostic(`tried ${tried}: ${[...outcomes].map(([outcome, times]) => `${times} ${outcome}`).join(', ')}`);
    assert.equal(tried, sample.count);
    assert.deepEqual(fallen, []);
  });
}
