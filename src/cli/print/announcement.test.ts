import assert from 'node:assert/strict';
import test from 'node:test';
import type { Plan } from '../../plan/plan.ts';
import { announcement, type ServerStart } from './announcement.ts';

const told = (given: Partial<ServerStart> = {}): readonly string[] =>
  announcement({
    url: 'http://0.0.0.0:1',
    reachableUrl: 'http://127.0.0.1:1',
    models: [{ name: 'tiny:f16', planned: undefined }],
    auto: false,
    open: false,
    keyed: false,
    page: false,
    ...given,
  });

test('a GPU that computes is announced, with the memory that is its own', () => {
  const plan = {
    ...{ budget: 2 ** 31, parallel: 2, context: 512, slices: [], placements: [], kvOnSsd: 0, bytesPerPass: 0 },
    host: { budget: 2 ** 33, runtime: 0, transit: 0, promptCache: 0, held: [], heldBytes: 0 },
  } as unknown as Plan;
  const device = { kind: 'cuda', name: 'NVIDIA ONE' } as const;
  const lines = told({ models: [{ name: 'tiny', planned: { plan, device } }], auto: true });
  assert.match(lines[1] ?? '', /memory budget 8 GiB \(auto\); computed by NVIDIA ONE \(cuda\), 2 GiB of its own; /);
});

test('a server is announced with its address and a command that asks it', () => {
  assert.deepEqual(told(), [
    'ssd-llm listens on http://0.0.0.0:1',
    '  loaded when they are asked for: tiny:f16',
    '  try: curl http://127.0.0.1:1/api/generate \\',
    `    -d '{"model":"tiny:f16","prompt":"Why is the sky blue?"}'`,
  ]);
});

test('the page is announced where there is one', () => {
  assert.deepEqual(told({ page: true }).at(-3), '  see: http://127.0.0.1:1/ui');
});

test('where there is no model yet, the ways to one are announced', () => {
  assert.match(told({ models: [] }).at(-1) ?? '', /no model yet; try: ssd-llm pull/);
});

test('of many models the first are named', () => {
  const models = Array.from({ length: 20 }, (_, i) => ({ name: `m${i}`, planned: undefined }));
  assert.match(told({ models })[1] ?? '', /: m0, m1, .*, m7 and 12 more$/);
});

test('who lets everybody in is told so', () => {
  const warned = (given: Partial<ServerStart>): boolean =>
    told(given).some((line) => line.includes('whoever can reach'));
  assert.equal(warned({ open: true }), true);
  assert.equal(warned({ open: true, keyed: true }), false);
  assert.equal(warned({ keyed: true }), false);
  assert.match(told({ keyed: true }).join('\n'), /curl http\S+ \\\n +-H 'Authorization: Bearer KEY' \\\n +-d/);
});
