import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Libllama } from '../../bench/libllama.ts';
import type { RandomModelSpec } from '../../bench/random-model.ts';
import { architectureFile } from '../../test/support/architectures/architecture-file.ts';
import { CollectedModel } from '../../test/support/collected-model.ts';
import { engineError } from '../../test/support/engine-error.ts';
import { writeRandom } from '../../test/support/model-files.ts';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { openModelFile } from '../gguf/model-file.ts';
import { CpuDevice } from './cpu-device.ts';
import type { LlamaSpan } from './llama-batch.ts';
import { LlamaContext } from './llama-context.ts';
import { LlamaModel } from './llama-model.ts';
import { type LlamaSizes, sizesOfLonger } from './llama-sizes.ts';

const folder = tempFolder();
const device = new CpuDevice(1);
after(() => {
  device[Symbol.dispose]();
  folder[Symbol.dispose]();
});

const small = { layers: 3, width: 128, heads: 4, kvHeads: 2, feedForward: 192, vocabulary: 300 } as const;
const specs: Readonly<Record<string, RandomModelSpec>> = {
  dense: { architecture: 'llama', ...small },
  windowed: { architecture: 'gemma3', ...small, window: { tokens: 16 }, tied: true },
  split: { architecture: 'qwen3', ...small, split: 3 },
};
const paths = new Map(
  Object.entries(specs).map(([name, spec]) => [name, writeRandom(folder.file(`${name}.gguf`), spec)]),
);
const pathOf = (name: string): string => paths.get(name) ?? assert.fail(name);

const span = (sequence: number, start: number, tokens: readonly number[], outputs = tokens.length): LlamaSpan => ({
  sequence,
  start,
  tokens,
  outputs,
});
const some = (n: number, seed: number): number[] => Array.from({ length: n }, (_, i) => (i * 37 + seed * 101) % 300);

/** Two runs of one sequence that grows past the window, and of others beside it. */
const passes: readonly (readonly LlamaSpan[])[] = [
  [span(0, 0, some(40, 1))],
  [span(0, 40, some(1, 2)), span(1, 0, some(7, 3), 1)],
  [span(0, 41, some(1, 4)), span(1, 7, some(1, 5)), span(2, 0, some(20, 6))],
  [span(0, 42, some(4, 7)), span(1, 8, some(4, 8)), span(2, 20, some(1, 9))],
  [span(1, 12, some(64, 10), 2)],
  [span(0, 46, some(1, 11))],
];

for (const name of ['dense', 'windowed', 'split']) {
  test(`collected graphs that we compute give the bits of llama_decode, for many shapes in turn: ${name}`, async () => {
    const options = { context: 512, batch: 64, threads: 1, sequences: 3 };
    using theirs = new Libllama(pathOf(name), options);
    using ours = new CollectedModel(pathOf(name), device, { sequences: 3 });
    for (const spans of passes) assert.deepEqual(await ours.decode(spans), theirs.decodeSpans(spans));
  });
}

test('batches of equal shape go on with the same graph, others have a new one', async () => {
  using model = new CollectedModel(pathOf('dense'), device, { sequences: 2 });
  const graphOf = (...spans: readonly LlamaSpan[]) => model.context.collect(spans);
  const first = graphOf(span(0, 0, [1]));
  assert.equal(graphOf(span(0, 1, [2])), first);
  assert.equal(graphOf(span(1, 0, [2])), first);
  const other = graphOf(span(0, 2, [3]), span(1, 1, [3]));
  assert.notEqual(other, first);
  assert.notEqual(graphOf(span(0, 3, [4])), first);
  assert.ok(other.nodes.length > 0);
});

test('a sequence that was cut, copied or put back goes on as one that was computed anew', async () => {
  using model = new CollectedModel(pathOf('dense'), device, { sequences: 3 });
  const { context } = model;
  const text = some(30, 1);
  await model.decode([span(0, 0, text.slice(0, 20), 1)]);
  const [expected] = await model.decode([span(0, 20, text.slice(20), 1)]);

  assert.ok(context.remove(0, 20));
  assert.deepEqual(context.keptOf(0), { first: 0, last: 19 });
  context.copy(0, 1);
  const state = new Uint8Array(context.stateBytes(0));
  context.saveState(0, state);
  context.loadState(2, state);
  for (const sequence of [0, 1, 2]) {
    const [logits] = await model.decode([span(sequence, 20, text.slice(20), 1)]);
    assert.deepEqual(logits, expected, `sequence ${sequence}`);
  }
  context.reset();
  assert.equal(context.keptOf(0), undefined);
});

test('a state that is damaged is refused', async () => {
  using model = new CollectedModel(pathOf('dense'), device);
  await model.decode([span(0, 0, some(5, 1), 1)]);
  const state = new Uint8Array(model.context.stateBytes(0));
  model.context.saveState(0, state);
  assert.throws(() => model.context.loadState(0, state.subarray(0, state.length - 8)), engineError('GRAPH_FAILED'));
});

test('a batch that does not fit, or is out of order, is an error, and nothing of it is stored', async () => {
  using model = new CollectedModel(pathOf('dense'), device, { cells: 256, batch: 200 });
  await model.decode([span(0, 0, some(150, 1), 1)]);
  const kept = model.context.keptOf(0);
  assert.throws(() => model.context.collect([span(0, 150, some(150, 2), 1)]), engineError('GRAPH_FAILED', /slot/));
  assert.throws(() => model.context.collect([span(0, 151, [1], 1)]), engineError('GRAPH_FAILED'));
  assert.throws(() => model.context.collect([span(0, 150, [300], 1)]), engineError('GRAPH_FAILED', /invalid token/));
  assert.deepEqual(model.context.keptOf(0), kept);
  assert.throws(() => model.context.collect([span(0, 150, some(201, 2), 1)]), RangeError);
});

test('what a context takes is known without its memory, and grows with the context and the batch', () => {
  using model = new LlamaModel(openModelFile(pathOf('dense')), { measured: true });
  const sizes = (cells: number, batch: number, outputs: number) => {
    using context = new LlamaContext(model, { cells, sequences: 2, batch, outputs, kvType: 1 });
    return context.sizes;
  };
  const [least, most] = [sizes(256, 16, 1), sizes(2 ** 16, 512, 512)];
  const perToken = small.layers * 2 * small.kvHeads * (small.width / small.heads) * 2;
  const near = (bytes: number, expected: number): boolean => Math.abs(bytes - expected) <= 2 ** 15;
  assert.ok(near(least.state, 256 * perToken) && near(most.state, 2 ** 16 * perToken), JSON.stringify([least, most]));
  assert.ok(most.compute > least.compute);
  assert.ok(near(least.outputs, 2 * 4 * small.vocabulary));
});

for (const name of ['dense', 'windowed']) {
  test(`a context's size follows from those of shorter ones: ${name}`, () => {
    using model = new LlamaModel(openModelFile(pathOf(name)), { measured: true });
    const sizesOf = (cells: number): LlamaSizes => {
      using context = new LlamaContext(model, { cells, sequences: 4, batch: 64, outputs: 4, kvType: 1 });
      return context.sizes;
    };
    const [expected, found] = [sizesOf(2 ** 16), sizesOfLonger(2 ** 16, 2 ** 13, sizesOf)];
    assert.deepEqual(sizesOfLonger(2 ** 13, 2 ** 13, sizesOf), sizesOf(2 ** 13));
    for (const part of ['state', 'compute', 'outputs'] as const) {
      // Libllama rounds to a hundredth of a MiB.
      assert.ok(Math.abs(found[part] - expected[part]) <= 2 ** 18, `${part}: ${found[part]}, not ${expected[part]}`);
    }
  });
}

/** Bytes of the process's memory that `work` adds while its result is there. */
function added(work: () => Disposable): number {
  const before = process.memoryUsage.rss();
  using _made = work();
  return process.memoryUsage.rss() - before;
}

test('states that nothing is computed on take no memory: not those of graphs that are looked at, nor those that are measured', () => {
  const path = architectureFile(folder.file('recurrent.gguf'), 'mamba', { sizes: { width: 512 } });
  const [dense, recurrent] = [openModelFile(pathOf('dense')), openModelFile(path)];
  const [cells, sequences] = [2 ** 18, 256];
  using looked = new LlamaModel(dense);
  using measured = new LlamaModel(recurrent, { measured: true });
  const options = { batch: 16, outputs: 1, kvType: 1 };
  let state = 0;
  const attention = added(() => {
    const context = new LlamaContext(looked, { ...options, cells, sequences: 1, memory: 'untouched' });
    assert.ok(context.collect([span(0, 0, some(10, 1), 1)]).nodes.length > 0);
    state = context.sizes.state;
    return context;
  });
  assert.ok(attention < state / 2, `${attention} of ${state}`);
  const states = added(() => {
    const context = new LlamaContext(measured, { ...options, cells: 256, sequences });
    state = context.sizes.state;
    return context;
  });
  assert.ok(states < state / 2, `${states} of ${state}`);
});
