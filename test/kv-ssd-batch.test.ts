import assert from 'node:assert/strict';
import test from 'node:test';
import type { RandomModelSpec } from '../bench/random-model.ts';
import { nmse } from '../src/base/nmse.ts';
import type { KvHome, KvType, Window } from '../src/plan/kv-options.ts';
import { openOutline } from '../src/runtime/model-outline.ts';
import { OwnModelGraphs } from '../src/runtime/own-model-graphs.ts';
import { openKvFile } from '../src/state/kv-file.ts';
import { kvFileBytes } from '../src/state/kv-shape.ts';
import type { SequenceCache } from '../src/state/sequence-cache.ts';
import { spillUnit } from '../src/state/spill.ts';
import { kvCache } from './support/caches.ts';
import { openTwin, type Twin } from './support/kv-twins.ts';
import { writeRandom } from './support/model-files.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const layers = 4;
const spec: RandomModelSpec = {
  architecture: 'llama',
  layers,
  width: 128,
  heads: 2,
  kvHeads: 2,
  keyLength: 128,
  feedForward: 64,
  vocabulary: 97,
};
const path = writeRandom(folder.file('model.gguf'), spec);
const { graphs } = openOutline(path);

const textOf = (seed: number, length: number): number[] =>
  Array.from({ length }, (_, i) => (i * 29 + seed * 11 + i * i) % spec.vocabulary);
const all = (home: KvHome): readonly KvHome[] => Array(layers).fill(home);

/** The number of areas in the file, each with a unit that fills: keys and values of each head of each layer. */
const areas = 2 * layers * (spec.kvHeads ?? 1);
/** Bytes of a token's keys and values in all layers. */
const tokenBytes = 2 * layers * 256 * 2;

test('a long text is written once, in whole units, and what has not changed is not written again', async () => {
  const context = 900;
  await using ssd = await openTwin(path, { context, homes: all('ssd'), folder: folder.path });
  await ssd.pass(textOf(1, 50));
  for (let i = 0; i < 800; i += 1) await ssd.pass([i % spec.vocabulary]);
  const { spy } = ssd;
  assert.ok(spy.written <= 850 * tokenBytes, `${spy.written} bytes written of ${850 * tokenBytes}`);
  // The missing part fills less than a unit of each area.
  assert.ok(spy.written > 850 * tokenBytes - areas * spillUnit);
  assert.equal(spy.written, spy.writes * spillUnit);
});

test('behind a window, too, each token is written once, but for the sinks that follow', async () => {
  const context = 5000;
  const window = { tokens: 100, sinks: 4 };
  await using ssd = await openTwin(path, { context, window, homes: all('ssd'), folder: folder.path });
  for (let i = 0; i < 100; i += 1) await ssd.pass(textOf(i, 20));
  for (let i = 0; i < 400; i += 1) await ssd.pass([i % spec.vocabulary]);
  const { spy } = ssd;
  const turns = Math.ceil(2400 / 256);
  const beside = (turns + 2400 / 512 + 2) * areas * spillUnit;
  assert.ok(spy.written <= 2400 * tokenBytes + beside, `${spy.written} bytes written of ${2400 * tokenBytes}`);
  assert.ok(spy.written > 2400 * tokenBytes - areas * spillUnit);
});

/** A sequence of its own kind in a batch. */
interface Kind {
  readonly type: KvType;
  readonly window?: Window;
  readonly context: number;
  readonly homes: readonly KvHome[];
}

const kinds: readonly Kind[] = [
  { type: 'f16', context: 1000, homes: all('ssd') },
  { type: 'q4_0', context: 300, homes: ['ram', 'ssd', 'ram', 'ssd'] },
  { type: 'q8_0', context: 2000, window: { tokens: 70, sinks: 4 }, homes: all('ssd') },
  { type: 'f16', context: 700, homes: all('ram') },
  { type: 'f16', context: 2000, window: { tokens: 30, sinks: 0 }, homes: ['ssd', 'ssd', 'ram', 'ram'] },
];

/** A place of such a kind, beside those that the model has. */
function slotOf({ runtime }: Twin, { type, context, window, homes }: Kind): SequenceCache {
  assert.ok(graphs instanceof OwnModelGraphs);
  const shape = graphs.kvShape({ context, kvType: type, window, kvHomes: homes, batch: 64, ahead: 0 });
  const bytes = kvFileBytes(shape);
  if (bytes === 0) return kvCache(shape);
  const { reader } = runtime;
  return kvCache(shape, { reader, file: reader.add(openKvFile(folder.path, bytes)), position: 0 });
}

test('sequences of any type, window and home share a pass, and each gets what it gets in memory, or alone', async () => {
  // Its ring is the largest.
  await using ssd = await openTwin(path, { context: 2000, homes: all('ssd'), folder: folder.path, spy: { delay: 2 } });
  const places = (homed: boolean): readonly SequenceCache[] =>
    kinds.map((kind) => slotOf(ssd, homed ? kind : { ...kind, homes: all('ram') }));
  const [mixed, inMemory, alone] = [places(true), places(false), places(false)];
  const spans = (caches: readonly SequenceCache[], round: number) =>
    caches.map((cache, i) => {
      // The first one leaves now and then; some are drafting, some read a prompt.
      const n = [1, 40, 3, 17, 1, 60, 8][(i + round) % 7] ?? 1;
      return {
        state: cache.state,
        start: cache.tokens.length,
        tokens: textOf(i + 7 * round, n),
        logits: 'last' as const,
      };
    });
  for (let round = 0; round < 12; round += 1) {
    const who = mixed.map((_, i) => i).filter((i) => (round + i) % 4 !== 3);
    const run = async (caches: readonly SequenceCache[]): Promise<Float32Array> => {
      const own = spans(caches, round).filter((_, i) => who.includes(i));
      const logits = (await ssd.runtime.run(own)).slice();
      for (const [at, i] of who.entries()) caches[i]?.store(own[at]?.tokens ?? []);
      return logits;
    };
    const [expected, actual] = [await run(inMemory), await run(mixed)];
    assert.deepEqual(actual, expected, `round ${round}`);
    const own = spans(alone, round);
    for (const [at, i] of who.entries()) {
      const [span] = own.slice(i, i + 1);
      assert.ok(span);
      const logits = await ssd.runtime.run([span]);
      alone[i]?.store(span.tokens);
      const size = spec.vocabulary;
      assert.ok(nmse(actual.subarray(at * size, (at + 1) * size), logits) < 1e-5, `sequence ${i} in round ${round}`);
    }
  }
  ssd.spy.assertNoRaces();
  for (const cache of [...mixed, ...inMemory, ...alone]) cache[Symbol.dispose]();
});

test('what is put in the place of what was stored is what the next pass reads, not what was read ahead', async () => {
  await using ssd = await openTwin(path, { context: 256, homes: all('ssd'), folder: folder.path, parallel: 2 });
  const [cache, other] = ssd.runtime.caches.all;
  assert.ok(cache && other);
  const run = async (place: SequenceCache, tokens: readonly number[]): Promise<Float32Array> => {
    const span = { state: place.state, start: place.tokens.length, tokens, logits: 'last' as const };
    const logits = (await ssd.runtime.run([span])).slice();
    place.store(tokens);
    return logits;
  };
  await run(other, textOf(5, 100));
  await run(cache, textOf(6, 100));
  await run(cache, [1]);
  cache.truncate(100);
  await run(cache, [1]);
  // As when it is restored from a folder.
  cache.truncate(0);
  for (const piece of other.pieces(100)) await cache.write(piece, await other.read(piece));
  cache.assign(textOf(5, 100), 0);
  const actual = await run(cache, [1]);
  assert.deepEqual(actual, await run(other, [1]));
});
