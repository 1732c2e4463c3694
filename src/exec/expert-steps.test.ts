import assert from 'node:assert/strict';
import { read } from 'node:fs';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { computeNodes, type MixtureGraph, type MixtureOptions, TestMixture } from '../../test/support/expert-graph.ts';
import { some } from '../../test/support/rounds.ts';
import { shared } from '../../test/support/shared.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import { at } from '../base/at.ts';
import { Disposer } from '../base/disposer.ts';
import { CpuDevice } from '../ggml/cpu-device.ts';
import type { Pointer } from '../ggml/library.ts';
import { pageBytes } from '../ggml/system.ts';
import { TensorSet } from '../ggml/tensor-set.ts';
import type { Weight } from '../gguf/weight.ts';
import type { Need } from '../pager/block.ts';
import { ExpertPool } from '../pager/expert-pool.ts';
import { Pager } from '../pager/pager.ts';
import { ReadBuffers } from '../pager/read-buffers.ts';
import { type ReadAt, Reader } from '../pager/reader.ts';
import { Ring } from '../pager/ring.ts';
import type { Routing } from '../plan/expert-cache.ts';
import { expertBufferBytes, layTransit } from '../plan/expert-slots.ts';
import { expertLength } from '../plan/routed-banks.ts';
import { ExpertSteps, type PlacedNode } from './expert-steps.ts';
import { ExpertTransit } from './expert-transit.ts';

const folder = sharedFolder();
const device = shared(new CpuDevice(1));
const inFlight = 3;

const small: MixtureOptions = { experts: 8, used: 3, width: 288, hidden: 350, types: ['q8_0', 'f16'], layers: 2 };
const tiny: MixtureOptions = { ...small, width: 32, hidden: 32, types: ['f32', 'f32'] };
const mixtures: readonly MixtureOptions[] = [
  small,
  { ...small, width: 256, hidden: 256, types: ['iq4_xs', 'iq4_xs'] },
  { ...small, width: 256, hidden: 256, types: ['q4_K', 'q6_K'] },
  { ...small, hidden: 352, types: ['mxfp4', 'mxfp4'] },
];
const most = 120;

/** A weight without all but its first `count` experts. */
const firstExperts = ({ shape: [width = 0, rows = 0], ...weight }: Weight, count: number): Weight => {
  const length = expertLength({ ...weight, shape: [width, rows, small.experts] }) * count;
  return { ...weight, shape: [width, rows, count], extent: { ...weight.extent, length } };
};

/** A mixture whose experts, or some of them, are in slots; reads fail as long as `broken` says so. */
function inSlots(mixture: TestMixture, path: string, slots: number, experts = mixture.options.experts) {
  const owner = new Disposer();
  const state = { broken: false };
  const readAt: ReadAt = (fd, into, position, done) => {
    if (state.broken) done(Object.assign(new Error('i/o error'), { code: 'EIO' }), 0);
    else read(fd, into, 0, into.length, position, done);
  };
  const reader = new Reader([{ path, size: mixture.bytes }], { inFlight, chunkBytes: 2 ** 20, readAt });
  const few = mixture.weights.map((layer) => layer.map((weight) => firstExperts(weight, experts)));
  const weights = few.flat();
  const buffers = owner.use(new ReadBuffers(inFlight, expertBufferBytes(weights.map(expertLength), pageBytes)));
  const tensors = owner.use(new TensorSet(weights.length));
  const parts = { device, reader, buffers, tensors };
  const pools = few.map((layer) => owner.use(new ExpertPool(layer, slots, parts)));
  const transitAreas = layTransit(weights, { tokens: most, used: mixture.options.used });
  const transit = owner.use(new ExpertTransit(transitAreas, device));
  const residents = { loaded: true, lease: () => assert.fail(), load: () => Promise.resolve(), stop: async () => {} };
  const pager = new Pager({ weightRing: new Ring(reader), kvRing: new Ring(reader), residents });
  const steps = new ExpertSteps(
    pools.map((pool, layer) => ({ pool, weights: mixture.tensors[layer] ?? assert.fail() })),
    transit,
  );
  /** The output of a graph for inputs of `seed`, and the groups that it was computed in. */
  const compute = async (
    graph: MixtureGraph,
    seed: number,
    onGroup?: (group: readonly PlacedNode[]) => void,
  ): Promise<{ output: Float32Array; groups: number }> => {
    graph.fill(seed);
    let groups = 0;
    for (const group of steps.plan(graph.nodes, path).groups(1)) {
      onGroup?.(group);
      using _lease = await pager.lease(group.flatMap(({ needs }) => needs));
      await computeNodes(
        device,
        group.map(({ node }) => node),
      );
      groups += 1;
    }
    return { output: graph.output, groups };
  };
  const dispose = async (): Promise<void> => {
    for (const pool of pools) await pool.abandon();
    await reader[Symbol.asyncDispose]();
    owner[Symbol.dispose]();
  };
  return { pools, transit, state, compute, [Symbol.asyncDispose]: dispose };
}

/** The output with all experts in place. */
async function expectedOf(graph: MixtureGraph, seed: number): Promise<Float32Array> {
  graph.fill(seed);
  await computeNodes(device, graph.nodes);
  assert.ok(graph.output.every(Number.isFinite));
  return graph.output;
}

/** Batches of these numbers of tokens one after another, each with other inputs. */
const batches = [1, 7, most, 1];

for (const [i, options] of mixtures.entries()) {
  const { width, hidden, types } = options;
  test(`any number of slots gives the bits of all experts in place: ${types[0]}, ${width} x ${hidden}`, async () => {
    const path = folder.file(`mixture ${i}`);
    using mixture = new TestMixture(path, options);
    const owner = new Disposer();
    using _owner = owner;
    const graphs = batches.map((tokens) => owner.use(mixture.graph(tokens)));
    const expected: Float32Array[] = [];
    for (const [seed, graph] of graphs.entries()) expected.push(await expectedOf(graph, seed));
    mixture.spoil();
    for (const slots of some([1, 2, 3, 5, options.experts], 3)) {
      await using streamed = inSlots(mixture, path, slots);
      for (const [seed, graph] of graphs.entries()) {
        const { output } = await streamed.compute(graph, seed);
        assert.deepEqual(output, expected[seed], `${slots} slots, batch ${seed}`);
      }
    }
  });
}

const path = folder.file('experts');

for (const unlike of ['inputs', 'between', 'routers'] as const) {
  test(`layers that are not as usual have the bits of all experts in place: ${unlike}`, async () => {
    using mixture = new TestMixture(path, { ...tiny, unlike });
    using one = mixture.graph(1);
    using many = mixture.graph(7);
    const expected = [await expectedOf(one, 1), await expectedOf(many, 2)];
    mixture.spoil();
    for (const slots of [1, 3, 5, tiny.experts]) {
      await using streamed = inSlots(mixture, path, slots);
      for (const turn of [1, 2]) {
        assert.deepEqual((await streamed.compute(one, 1)).output, expected[0], `${slots} slots, turn ${turn}`);
        assert.deepEqual((await streamed.compute(many, 2)).output, expected[1], `${slots} slots, turn ${turn}`);
      }
    }
  });
}

test('bytes of another expert in a slot, and matrices that were exchanged, show in the results', async () => {
  using mixture = new TestMixture(path, tiny);
  using graph = mixture.graph(1);
  const expected = await expectedOf(graph, 1);
  await using streamed = inSlots(mixture, path, small.experts);
  assert.deepEqual((await streamed.compute(graph, 1)).output, expected);
  const exchange = async (a: Uint8Array, b: Uint8Array): Promise<void> => {
    const bytes = a.slice();
    a.set(b);
    b.set(bytes);
    assert.notDeepEqual((await streamed.compute(graph, 1)).output, expected);
    b.set(a);
    a.set(bytes);
  };
  const [gate, up, down] = (streamed.pools[1] ?? assert.fail()).homes.map(({ matrix }) => matrix);
  if (!gate || !up || !down) assert.fail();
  const slots = [0, 1, 2];
  for (const matrix of [gate, up, down]) await exchange(matrix.view(0), matrix.view(1));
  for (const slot of slots) await exchange(gate.view(slot), up.view(slot));
  assert.deepEqual((await streamed.compute(graph, 1)).output, expected);
});

test('a pass whose experts are all there is cut once a layer, and reads nothing', async () => {
  using mixture = new TestMixture(path, tiny);
  using graph = mixture.graph(7);
  await using streamed = inSlots(mixture, path, small.experts);
  await streamed.compute(graph, 3);
  const read = streamed.pools.map(({ statistics }) => statistics.bytesRead);
  const { groups } = await streamed.compute(graph, 3);
  assert.equal(groups, small.layers + 1);
  assert.deepEqual(
    streamed.pools.map(({ statistics }) => statistics.bytesRead),
    read,
  );
});

test('all that waits for no read is computed before a step that does', async () => {
  using mixture = new TestMixture(path, tiny);
  using graph = mixture.graph(1);
  await using streamed = inSlots(mixture, path, small.experts);
  const rounds = new Map<Need['home'], Routing['rounds']>();
  for (const pool of streamed.pools) {
    pool.onRoute = (_, routing) => {
      for (const home of pool.homes) rounds.set(home, routing.rounds);
    };
  }
  const waits = ({ home, blocks }: Need): boolean =>
    typeof blocks === 'function' && blocks().some((round) => at(rounds.get(home) ?? [], round).loads.length > 0);
  const places: number[] = [];
  for (const seed of [3, 4, 5]) {
    await streamed.compute(graph, seed, (group) => {
      const first = group.findIndex(({ needs }) => needs.some(waits));
      if (first >= 0) places.push(first);
    });
  }
  assert.ok(places.length > 0 && places.every((place) => place === 0));
});

test('a batch of more tokens than memory was planned for is refused', async () => {
  using mixture = new TestMixture(path, tiny);
  using graph = mixture.graph(most + 8);
  await using streamed = inSlots(mixture, path, small.experts);
  await assert.rejects(streamed.compute(graph, 1), RangeError);
});

test('a batch reads each expert once, however few slots there are', async () => {
  using mixture = new TestMixture(path, tiny);
  using graph = mixture.graph(most);
  for (const slots of [1, 2, 5]) {
    await using streamed = inSlots(mixture, path, slots);
    await streamed.compute(graph, 3);
    for (const { statistics } of streamed.pools) {
      assert.equal(statistics.bytesRead, statistics.asked * 3 * 4 * 32 * 32);
      assert.ok(statistics.asked <= small.experts);
    }
  }
});

test('a read that fails ends its pass, and the next one is right', async () => {
  using mixture = new TestMixture(path, tiny);
  using graph = mixture.graph(7);
  for (const slots of [1, 3, 8]) {
    const expected = await expectedOf(graph, 5);
    await using streamed = inSlots(mixture, path, slots);
    await streamed.compute(graph, 4);
    for (const pool of streamed.pools) pool.cache.clear(0);
    streamed.state.broken = true;
    await assert.rejects(streamed.compute(graph, 5), engineError('READ_FAILED', { file: path }));
    for (const pool of streamed.pools) await pool.abandon();
    streamed.state.broken = false;
    assert.deepEqual((await streamed.compute(graph, 5)).output, expected);
  }
});

test('a router that names an expert which does not exist is damage, and computes nothing', async () => {
  using mixture = new TestMixture(path, tiny);
  using graph = mixture.graph(7);
  await using streamed = inSlots(mixture, path, 2, 4);
  await assert.rejects(streamed.compute(graph, 5), engineError('NOT_FINITE', { file: path }));
});

test('a graph that uses experts in another way than they were planned for is refused', async () => {
  using mixture = new TestMixture(path, tiny);
  using graph = mixture.graph(1);
  await using streamed = inSlots(mixture, path, 2);
  const [pool] = streamed.pools;
  const [[gate, up, down], [other]] = mixture.tensors as [[Pointer, Pointer, Pointer], [Pointer]];
  if (!pool) assert.fail();
  for (const [weights, reason] of [
    [[gate, up, other], /different routers/],
    [[gate, up], /not at all/],
    [[gate, up, 1n], /not at all/],
  ] as const) {
    const steps = new ExpertSteps([{ pool, weights }], streamed.transit);
    assert.throws(() => steps.plan(graph.nodes, path), engineError('GRAPH_FAILED', reason));
  }
  new ExpertSteps([{ pool, weights: [gate, up, down] }], streamed.transit).plan(graph.nodes, path);
});
