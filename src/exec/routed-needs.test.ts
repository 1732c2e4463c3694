import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import { shared } from '../../test/support/shared.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import { weightOf } from '../../test/support/weights.ts';
import { Disposer } from '../base/disposer.ts';
import { GraphAllocator } from '../ggml/allocator.ts';
import { CpuDevice } from '../ggml/cpu-device.ts';
import { readTensor, writeTensor } from '../ggml/data.ts';
import { F32, Graph } from '../ggml/graph.ts';
import { Pager } from '../pager/pager.ts';
import { Reader } from '../pager/reader.ts';
import { Ring } from '../pager/ring.ts';
import { Rows } from '../pager/rows.ts';
import { Forward } from './forward.ts';
import type { GraphSource, Program } from './program.ts';

const folder = sharedFolder();
const device = shared(new CpuDevice(1));

const [width, count] = [32, 40];
/** Expert e is the row of `width` numbers e + i / 100. */
const experts = weightOf('experts', 'f32', [width, count], 96);
const expert = (e: number): Float32Array => Float32Array.from({ length: width }, (_, i) => e + i / 100);
const path = folder.file('experts');
{
  const bytes = new Uint8Array(experts.extent.offset + experts.extent.length);
  const all = Float32Array.from({ length: width * count }, (_, i) => expert(Math.floor(i / width))[i % width] ?? 0);
  bytes.set(new Uint8Array(all.buffer), experts.extent.offset);
  writeFileSync(path, bytes);
}

/**
 * A model made up for this test: it routes by its input x (3, 1), whose numbers doubled are the experts that it adds up:
 * which ones is known only once the first step has been computed.
 */
function madeUpSource(input: () => Float32Array, pager: Pager, rows: Rows, owner: Disposer): GraphSource {
  const graph = owner.use(new Graph());
  const x = graph.input(F32, [3, 1]);
  const routed = graph.output(graph.scale(x, 2));
  const chosen = graph.input(F32, [width, 3]);
  const router = graph.nodes;
  const columns = [0, 1, 2].map((i) => graph.view(chosen, [width, 1], [4 * width], 4 * width * i));
  const logits = graph.output(columns.reduce((sum, column) => graph.add(sum, column)));
  owner.use(new GraphAllocator()).allocate(graph);
  const ids = (): readonly number[] => {
    const result = new Float32Array(3);
    readTensor(routed.pointer, result);
    return [...result];
  };
  const step = (from: number, to: number) => ({
    graph: graph.slice(from, to),
    allThreads: false,
    writes: [],
    share: to / graph.nodes,
  });
  const steps = [
    { ...step(0, router), needs: [] },
    { ...step(router, graph.nodes), needs: [{ home: rows.into(chosen), blocks: ids }] },
  ];
  const program: Program = {
    steps: () => steps,
    reads: new Map([[pager.weightRing, []]]),
    ringMode: 'plain',
    result: logits,
    begin: () => writeTensor(x.pointer, input()),
    end: () => {},
    fail: () => {},
  };
  return { evenSpans: false, newState: () => assert.fail(), compile: () => program, [Symbol.dispose]: () => {} };
}

test('what a step needs may be what the one before it has computed', async () => {
  using owner = new Disposer();
  await using reader = new Reader([{ path, size: experts.extent.offset + experts.extent.length }], { inFlight: 2 });
  const residents = { loaded: true, lease: () => assert.fail(), load: () => Promise.resolve(), stop: async () => {} };
  const pager = new Pager({ weightRing: new Ring(reader), kvRing: new Ring(reader), residents });
  const rows = owner.use(new Rows(reader, experts));
  let x = new Float32Array(3);
  const graphs = madeUpSource(() => x, pager, rows, owner);
  const forward = new Forward({ graphs, pager, device });
  const anyExperts = fc.array(fc.nat(count - 1), { minLength: 3, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(anyExperts, async (ids) => {
      x = Float32Array.from(ids, (id) => id / 2);
      const sum = Float32Array.from({ length: width }, (_, i) =>
        ids.map((id) => expert(id)[i] ?? 0).reduce((a, b) => Math.fround(a + b)),
      );
      assert.deepEqual(await forward.run([]), sum);
    }),
  );
});
