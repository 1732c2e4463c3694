import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { anyManifest, weightOf } from '../../test/support/weights.ts';
import { headline, shareLines, summarize } from './explain.ts';
import { usualHits } from './hit-curve.ts';
import { makePlan } from './make-plan.ts';
import type { ManifestEntry } from './manifest.ts';
import { type Plan, planBytes } from './plan.ts';

const MiB = 2 ** 20;

/** A plan with `room` bytes for a ring and weights. */
const planFor = (manifest: readonly ManifestEntry[], room: number, draft?: Plan): Plan =>
  makePlan({
    budget: 40 * MiB + room + (draft ? planBytes(draft) : 0),
    context: 1000,
    runtime: 30 * MiB,
    kv: () => 7 * MiB,
    page: 4096,
    manifest,
    compute: () => 3 * MiB,
    converted: () => undefined,
    draft,
  });

/** Eight matrices of 1 MiB that fill their pages, and a norm. */
const manifest: readonly ManifestEntry[] = [
  ...Array.from({ length: 8 }, (_, i) => ({
    weight: weightOf(`m${i}`, 'f16', [4096, 128], i * MiB),
    streamable: true,
  })),
  { weight: weightOf('norm', 'f32', [1024], 8 * MiB), streamable: false },
];
const roomy = planFor(manifest, 9 * MiB);
const tight = planFor(manifest, 5 * MiB);

test('a plan is summed up in bytes and weights, resident and streamed', () => {
  assert.deepEqual(summarize(roomy), {
    budget: 49 * MiB,
    context: 1000,
    kv_type: 'f16',
    window: null,
    batch: 512,
    memory: {
      runtime: 30 * MiB,
      kv: 7 * MiB,
      compute: 3 * MiB,
      ring: 0,
      resident: 8 * MiB + 4096,
      experts: 0,
      adapters: 0,
      draft: 0,
    },
    resident: { weights: 9, bytes: 8 * MiB + 4096, converted: 0 },
    streamed: { weights: 0, bytes: 0 },
    experts: null,
    kv_on_ssd: { bytes: 0, layers: 0 },
    host: null,
    bytes_per_token: 0,
  });
  const { streamed, bytes_per_token } = summarize(tight);
  assert.ok(streamed.bytes >= 4 * MiB);
  assert.equal(bytes_per_token, streamed.bytes);
});

test('resident and streamed bytes are all bytes; a weight in slices counts wherever one of them is', () => {
  fc.assert(
    fc.property(anyManifest, fc.double({ min: 0, max: 1, noNaN: true }), (entries, part) => {
      const bytes = (some: readonly ManifestEntry[]): number =>
        some.reduce((sum, { weight }) => sum + weight.extent.length, 0);
      const all = bytes(entries);
      const fixed = bytes(entries.filter((entry) => !entry.streamable));
      const { resident, streamed } = summarize(planFor(entries, fixed + 4 * MiB + Math.floor(part * all)));
      assert.equal(resident.bytes + streamed.bytes, all);
      assert.ok(resident.weights + streamed.weights >= entries.length);
      assert.ok(Math.max(resident.weights, streamed.weights) <= entries.length);
    }),
  );
});

test('the headline says how much streams, or that all is resident', () => {
  assert.equal(headline(roomy), '8 MiB of weights, all resident');
  assert.match(headline(tight), /^8 MiB of weights: [\d.]+ MiB resident, [\d.]+ MiB streamed for each token$/);
});

test('the shares are listed by name, with what is left', () => {
  assert.deepEqual(shareLines(roomy), [
    ['process', '30 MiB'],
    ['KV', '7 MiB for 1000 tokens as f16'],
    ['compute', '3 MiB for 512 tokens at once'],
    ['ring', '0 B'],
    ['resident', '8 MiB'],
    ['unused', '1020 KiB'],
  ]);
});

test('experts in slots are neither resident nor streamed: a plan says how many there are, and what a token reads', () => {
  // Two routers of 16 experts of 2 x 64 KiB, of which a token uses 4.
  const banks = ['up', 'down'].flatMap((name, i) =>
    [0, 1].map((router) => ({
      weight: weightOf(`${name} ${router}`, 'f16', [256, 128, 16], (10 + 2 * i + router) * MiB),
      streamable: false,
      experts: { router, used: 4 },
    })),
  );
  const plan = planFor([...manifest, ...banks], 11.6 * MiB);
  const { resident, streamed, experts, bytes_per_token } = summarize(plan);
  assert.deepEqual([streamed.bytes, resident.bytes, experts?.bytes], [0, 8 * MiB + 4096, 4 * MiB]);
  const { slots = 0, of, used, slot_bytes, expected_hits } = experts ?? {};
  assert.deepEqual([of, used, slot_bytes], [16, 4, slots * 2 * 2 * 64 * 1024]);
  assert.ok(slots > 4 && slots < 16);
  assert.equal(expected_hits, usualHits(slots, { experts: 16, used: 4 }));
  assert.equal(bytes_per_token, Math.round((1 - usualHits(slots, { experts: 16, used: 4 })) * 2 * 4 * 2 * 64 * 1024));
  const often = summarize(plan, () => 0.75).experts;
  assert.deepEqual([often?.expected_hits, often?.bytes_per_token], [0.75, 0.25 * 2 * 4 * 2 * 64 * 1024]);
  assert.match(
    headline(plan),
    /^12 MiB of weights: 8 MiB resident, \d+ of 16 experts in memory, about \d+ KiB of others read for each token$/,
  );
  assert.equal(shareLines(plan)[5]?.[0], 'experts');
});

test('a draft model is a share of its own: all that it takes, and none of the weights are its', () => {
  const drafted = planFor(manifest, 5 * MiB, roomy);
  assert.deepEqual(summarize(drafted), {
    ...summarize(tight),
    budget: tight.budget + 48 * MiB + 4096,
    memory: { ...tight.shares, draft: 48 * MiB + 4096 },
  });
  const lines = shareLines(drafted);
  assert.deepEqual(lines[5], ['draft', '48 MiB, the draft model with its KV']);
  assert.deepEqual(lines.toSpliced(5, 1), shareLines(tight));
  assert.equal(headline(drafted), headline(tight));
});

test('what a card holds, what memory holds beside it, and what streams are told apart', () => {
  const held = tight.streamed.slice(0, 1);
  const host = { budget: 20 * MiB, runtime: 9 * MiB, transit: 2 * MiB, promptCache: 0, held, heldBytes: MiB };
  const plan = { ...tight, host, bytesPerPass: tight.bytesPerPass - MiB };
  assert.deepEqual(summarize(plan).host, { budget: 20 * MiB, runtime: 11 * MiB, held: MiB });
  assert.match(headline(plan), /, 1 MiB uploaded from memory for each token, .* streamed for each token$/);
  assert.deepEqual(shareLines(plan)[0], [
    'memory',
    '20 MiB: process 9 MiB, on the way to the device 2 MiB, weights 1 MiB',
  ]);
});
