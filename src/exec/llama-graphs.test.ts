import assert from 'node:assert/strict';
import { read as readFile } from 'node:fs';
import test from 'node:test';
import { Libllama } from '../../bench/libllama.ts';
import { architectureFile } from '../../test/support/architectures/architecture-file.ts';
import { engineError } from '../../test/support/engine-error.ts';
import { writeRandom } from '../../test/support/model-files.ts';
import { type OpenedLlama, type OpenLlamaOptions, openLlama } from '../../test/support/open-llama.ts';
import { shared } from '../../test/support/shared.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import { at } from '../base/at.ts';
import { nmse } from '../base/nmse.ts';
import { CpuDevice } from '../ggml/cpu-device.ts';
import type { KernelLayout } from '../ggml/kernel-layout.ts';
import type { LlamaSpan } from '../ggml/llama-batch.ts';
import { LlamaModel } from '../ggml/llama-model.ts';
import { openModelFile } from '../gguf/model-file.ts';
import type { ReadAt } from '../pager/reader.ts';
import type { Plan } from '../plan/plan.ts';
import type { Slice } from '../plan/slices.ts';
import { groupSpans } from './span-groups.ts';

const device = shared(new CpuDevice(1));
const folder = sharedFolder();
/** An embedding of more than a megabyte is read by rows. */
const vocabulary = 5000;

const paths = new Map<string, string>();
function pathOf(name: string): string {
  const path = paths.get(name) ?? architectureFile(folder.file(`${name}.gguf`), name, { sizes: { vocabulary } });
  paths.set(name, path);
  return path;
}

const span = (sequence: number, start: number, count: number, outputs = 1): LlamaSpan => ({
  sequence,
  start,
  tokens: Array.from({ length: count }, (_, i) => ((start + i) * 7919 + 13 + sequence * 217) % vocabulary),
  outputs,
});

/**
 * A prompt and what follows it, spans of several sequences of equal lengths or not, more than a window holds, and spans in
 * another order than that of their sequences.
 */
const batches: readonly (readonly LlamaSpan[])[] = [
  [span(0, 0, 11, 11)],
  [span(0, 11, 1)],
  [span(0, 12, 1)],
  [span(1, 0, 7), span(2, 0, 5, 5)],
  [span(0, 13, 1), span(1, 7, 1), span(2, 5, 1)],
  [span(0, 14, 1), span(2, 6, 3, 3)],
  [span(0, 15, 23)],
  [span(2, 9, 1), span(0, 38, 1), span(1, 8, 1)],
];

/** The logits of each batch by plain `llama_decode` of the groups that there are, in the order of the spans. */
function expectedOf(name: string): readonly (readonly Float32Array[])[] {
  using model = new LlamaModel(openModelFile(pathOf(name)));
  using libllama = new Libllama(pathOf(name), { context: 512, batch: 64, threads: 1, sequences: 4 });
  return batches.map((spans) => {
    const rows = new Map<number, readonly Float32Array[]>();
    for (const group of groupSpans(spans, model)) {
      let logits = libllama.decodeSpans(group.map((i) => at(spans, i)));
      for (const i of group) {
        const { outputs } = at(spans, i);
        rows.set(i, logits.slice(0, outputs));
        logits = logits.slice(outputs);
      }
    }
    return [...spans.keys()].flatMap((i) => rows.get(i) ?? []);
  });
}

async function run(
  { forward, states }: OpenedLlama,
  spans: readonly LlamaSpan[],
  options: Parameters<OpenedLlama['forward']['run']>[1] = {},
): Promise<readonly Float32Array[]> {
  const own = spans.map(({ sequence, start, tokens, outputs }) => ({
    state: at(states, sequence),
    start,
    tokens,
    logits: outputs === tokens.length ? ('all' as const) : ('last' as const),
  }));
  const logits = await forward.run(own, options);
  return Array.from({ length: logits.length / vocabulary }, (_, i) =>
    logits.slice(i * vocabulary, (i + 1) * vocabulary),
  );
}

const open = (name: string, options: Partial<OpenLlamaOptions> = {}): OpenedLlama =>
  openLlama(pathOf(name), { device, sliceBytes: 2 ** 14, ...options });

for (const name of ['llama', 'gemma3', 'qwen3moe', 'mamba', 'jamba', 'deepseek2', 'gpt-oss', 'grovemoe']) {
  test(`in any budget, a pass gives the bits of llama_decode: ${name}`, async () => {
    const expected = expectedOf(name);
    for (const extra of [0, 100_000, 2 ** 30]) {
      await using model = open(name, { extra });
      assert.equal(model.plan.streamed.length > 0, extra < 2 ** 30);
      for (const [i, spans] of batches.entries()) {
        assert.deepEqual(await run(model, spans), at(expected, i), `batch ${i}, ${extra} bytes beside the least`);
      }
    }
  });
}

test('the first pass may be of one token, also where a view of a weight is read', async () => {
  const first = span(0, 0, 1);
  const expected = (() => {
    using libllama = new Libllama(pathOf('gemma4'), { context: 512, batch: 64, threads: 1, sequences: 4 });
    return libllama.decodeSpans([first]);
  })();
  await using model = open('gemma4', { extra: 2 ** 30 });
  assert.deepEqual(await run(model, [first]), expected);
});

test('tokens that libllama hides in the first row of logits are hidden in all', async () => {
  const path = architectureFile(folder.file('chameleon.gguf'), 'chameleon');
  const spans = [span(0, 0, 5), span(1, 0, 7)];
  const likeliest = async (passes: readonly (readonly LlamaSpan[])[]): Promise<readonly number[]> => {
    await using model = openLlama(path, { device, extra: 2 ** 30 });
    const tokens: number[] = [];
    for (const pass of passes) {
      const logits = await model.forward.run(
        pass.map((one) => ({ ...one, state: at(model.states, one.sequence), logits: 'last' })),
      );
      const size = logits.length / pass.length;
      for (const i of pass.keys()) {
        const row = logits.subarray(i * size, (i + 1) * size);
        tokens.push(row.indexOf(Math.max(...row)));
      }
    }
    return tokens;
  };
  assert.deepEqual(await likeliest([spans]), await likeliest(spans.map((one) => [one])));
});

test('a pass is the same on any number of threads, and says how far it is', async () => {
  const expected = expectedOf('llama');
  using two = new CpuDevice(2);
  await using model = open('llama', { device: two });
  for (const [i, spans] of batches.entries()) {
    const shares: number[] = [];
    assert.deepEqual(await run(model, spans, { onStep: (share) => shares.push(share) }), at(expected, i));
    assert.equal(shares.at(-1), 1);
    assert.deepEqual([...shares].sort(), shares);
  }
});

test('a graph that reads a weight in another way than was planned, or in another order, fails', async () => {
  const moved = (plan: Plan, name: string, to: Plan['placements'][number]): Plan => ({
    ...plan,
    placements: plan.placements.map((placement, id) => (at(plan.slices, id).weight.name === name ? to : placement)),
  });
  const without = (plan: Plan, name: string): Plan => ({
    ...plan,
    slices: plan.slices.map((slice) =>
      slice.weight.name === name ? { ...slice, weight: { ...slice.weight, name: 'another' } } : slice,
    ),
  });
  const [norm, queries] = ['blk.0.attn_norm.weight', 'blk.0.attn_q.weight'];
  const changes: readonly [RegExp, (plan: Plan) => Plan][] = [
    [/attn_norm.* read as it was not planned/, (plan) => moved(plan, norm, { kind: 'ring', order: 0 })],
    [/attn_q.* read as it was not planned/, (plan) => moved(plan, queries, { kind: 'experts' })],
    [/attn_q.* read as it was not planned/, (plan) => without(plan, queries)],
    [/ is read out of order/, (plan) => ({ ...plan, streamed: plan.streamed.toReversed() })],
  ];
  for (const [reason, change] of changes) {
    await using model = open('llama', { change });
    await model.pager.load();
    await assert.rejects(run(model, [span(0, 0, 5)]), engineError('GRAPH_FAILED', reason));
  }
});

test('only rows of an embedding that are looked up are read', async () => {
  await using model = open('llama', { extra: 2 ** 30 });
  await model.pager.load();
  const before = model.reader.bytesRead;
  await run(model, [{ sequence: 0, start: 0, tokens: [7], outputs: 1 }]);
  assert.ok(model.reader.bytesRead - before <= 2 ** 13);
});

test('converted weights give nearly the same logits, resident or streamed, one slice or many', async (t) => {
  const layoutOf = ({ weight, shape }: Slice): KernelLayout | undefined =>
    shape.length === 2 ? device.layoutFor(weight.type.id, shape) : undefined;
  const path = writeRandom(folder.file('q4_0.gguf'), {
    architecture: 'llama',
    layers: 2,
    width: 256,
    heads: 4,
    kvHeads: 2,
    feedForward: 512,
    vocabulary: 1024,
    type: 'q4_0',
  });
  if (!device.layoutFor(2, [256, 256])) return t.skip('this processor has no layout of its own');
  const tokens = Array.from({ length: 64 }, (_, i) => i);
  const results: Float32Array[] = [];
  for (const options of [{}, { layoutOf, extra: 0 }, { layoutOf, extra: 2 ** 30 }]) {
    await using model = openLlama(path, { device, sliceBytes: 2 ** 15, ...options });
    await model.pager.load();
    const state = at(model.states, 0);
    const pass = [{ state, start: 0, tokens, logits: 'all' as const }];
    results.push((await model.forward.run(pass)).slice());
  }
  const [plain, ...others] = results;
  for (const logits of others) {
    assert.notDeepEqual(logits, plain);
    assert.ok(plain && nmse(logits, plain) < 1e-3, `${plain && nmse(logits, plain)}`);
  }
});

test('a pass that fails or is given up leaves its sequences as they were', async () => {
  const expected = expectedOf('llama');
  let broken = false;
  const readAt: ReadAt = (fd, into, position, done) => {
    if (broken) done(Object.assign(new Error('EIO'), { code: 'EIO' }), 0);
    else readFile(fd, into, 0, into.length, position, (error, bytes) => done(error, bytes));
  };
  await using model = open('llama', { readAt });
  for (const [i, spans] of batches.entries()) {
    broken = true;
    const [{ start = 0, sequence = 0 } = {}] = spans;
    await assert.rejects(run(model, spans.slice(0, 1)), engineError('READ_FAILED'));
    broken = false;
    at(at(model.states, sequence).layers, 0).restore(start);
    const abort = new AbortController();
    const stopped = run(model, spans, { signal: abort.signal, onStep: () => abort.abort(new Error('enough')) });
    await assert.rejects(stopped, /enough/);
    for (const span of spans) at(at(model.states, span.sequence).layers, 0).restore(span.start);
    assert.deepEqual(await run(model, spans), at(expected, i), `batch ${i}`);
  }
});
