import assert from 'node:assert/strict';
import test from 'node:test';
import { Libllama } from '../../bench/libllama.ts';
import { mixture } from '../../bench/mixture.ts';
import { architectureFile, expertVariants } from '../../test/support/architectures/architecture-file.ts';
import { engineError } from '../../test/support/engine-error.ts';
import { writeRandom } from '../../test/support/model-files.ts';
import { type OpenedLlama, type OpenLlamaOptions, openLlama } from '../../test/support/open-llama.ts';
import { lruHits, referenceHits } from '../../test/support/routes.ts';
import { shared } from '../../test/support/shared.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import { at } from '../base/at.ts';
import { EngineError } from '../base/errors.ts';
import { CpuDevice } from '../ggml/cpu-device.ts';
import type { KernelLayout } from '../ggml/kernel-layout.ts';
import type { LlamaSpan } from '../ggml/llama-batch.ts';
import { ExpertCache, type RoutedBatch } from '../plan/expert-cache.ts';
import type { Slice } from '../plan/slices.ts';

const device = shared(new CpuDevice(1));
const folder = sharedFolder();
const vocabulary = 320;

const span = (sequence: number, start: number, count: number): LlamaSpan => ({
  sequence,
  start,
  tokens: Array.from({ length: count }, (_, i) => ((start + i) * 7919 + 13 + sequence * 217) % vocabulary),
  outputs: 1,
});

/** A prompt, single tokens, other sequences beside it, a longer prompt. */
const batches: readonly (readonly LlamaSpan[])[] = [
  [span(0, 0, 11)],
  [span(0, 11, 1)],
  [span(0, 12, 1)],
  [span(0, 13, 1), span(1, 0, 7), span(2, 0, 5)],
  [span(0, 14, 1), span(1, 7, 1), span(2, 5, 1)],
  [span(1, 8, 40)],
];

const fileOf = (name: string, variant?: keyof typeof expertVariants): string =>
  architectureFile(folder.file(`${name} ${variant}.gguf`), name, variant && expertVariants[variant]);

function expectedOf(path: string, { repack = false } = {}): readonly (readonly Float32Array[])[] {
  using libllama = new Libllama(path, { context: 512, batch: 64, threads: 1, sequences: 4, repack });
  return batches.map((spans) => libllama.decodeSpans(spans));
}

async function run({ forward, states }: OpenedLlama, spans: readonly LlamaSpan[]): Promise<readonly Float32Array[]> {
  const own = spans.map(({ sequence, start, tokens }) => ({
    state: at(states, sequence),
    start,
    tokens,
    logits: 'last' as const,
  }));
  const logits = await forward.run(own);
  return Array.from({ length: spans.length }, (_, i) => logits.slice(i * vocabulary, (i + 1) * vocabulary));
}

/** The model with so many slots for each router, or with all experts resident. */
function openWith(path: string, slots: number | undefined, options: Partial<OpenLlamaOptions> = {}): OpenedLlama {
  if (slots === undefined) return openLlama(path, { device, extra: 2 ** 30, ...options });
  const model = openLlama(path, { device, slots, ...options });
  assert.equal(model.plan.experts?.slots, slots);
  return model;
}

const models = [
  ['llama with experts'],
  ['olmoe'],
  ['granitemoe'],
  ['qwen3moe with gates and ups in one'],
  ['gpt-oss', 'odd'],
  ['qwen3moe', 'iq4_xs'],
  ['grovemoe', 'mxfp4'],
] as const;

for (const [name, variant] of models) {
  test(`any number of slots gives the bits of llama_decode: ${name}, ${variant ?? 'f32'}`, async () => {
    const path = fileOf(name, variant);
    const expected = expectedOf(path);
    for (const slots of [1, 3, undefined]) {
      await using model = openWith(path, slots);
      for (const [i, spans] of batches.entries()) {
        assert.deepEqual(await run(model, spans), at(expected, i), `batch ${i}, ${slots} slots`);
      }
    }
  });
}

for (const [name, variant] of [
  ['qwen3moe', 'q4_K'],
  ['granitemoe', 'mxfp4'],
] as const) {
  test(`experts that all stay are converted, with the bits of llama_decode on its own such weights: ${name}, ${variant}`, async (t) => {
    const path = fileOf(name, variant);
    const layoutOf = ({ weight, shape }: Slice): KernelLayout | undefined =>
      shape.length < 2 ? undefined : device.layoutFor(weight.type.id, shape);
    await using model = openWith(path, undefined, { layoutOf });
    const banks = model.plan.slices.filter(({ shape }) => shape.length === 3);
    const converted = banks.filter(({ id }) => at(model.plan.placements, id).kind === 'converted');
    if (!banks.some(layoutOf)) return t.skip('this processor has no layout of its own for experts');
    assert.deepEqual(converted, banks);
    const expected = expectedOf(path, { repack: true });
    for (const [i, spans] of batches.entries()) {
      assert.deepEqual(await run(model, spans), at(expected, i), `batch ${i}`);
    }
  });
}

test('the routes of a run give a new cache the hits of the run, and a batch reads no expert twice', async () => {
  const path = fileOf('qwen3moe');
  for (const slots of [1, 2, 5]) {
    await using model = openWith(path, slots);
    const traces = model.pools.map((pool): RoutedBatch[] => {
      const trace: RoutedBatch[] = [];
      pool.onRoute = (batch) => trace.push({ ...batch, ids: Array.from(batch.ids) });
      return trace;
    });
    for (const spans of batches) {
      const before = model.pools.map(({ statistics }) => statistics);
      await run(model, spans);
      for (const [i, { statistics, cache, homes }] of model.pools.entries()) {
        const { asked, bytesRead } = at(before, i);
        const expert = homes.reduce((sum, { matrix }) => sum + matrix.view(0).length, 0);
        assert.ok(statistics.asked - asked <= cache.experts);
        assert.ok(statistics.bytesRead - bytesRead <= (statistics.asked - asked) * expert);
      }
    }
    for (const [i, { statistics, cache }] of model.pools.entries()) {
      const again = new ExpertCache(cache.experts, slots);
      const hits = at(traces, i).reduce((sum, batch) => sum + again.route(batch).hits, 0);
      assert.equal(statistics.hits, hits);
      assert.deepEqual(
        at(traces, i).map(({ texts }) => texts),
        batches.map(({ length }) => length),
      );
    }
  }
});

test('tokens find as many experts as an independent count of their routes says, and no fewer than the least recently used', async () => {
  const [source, path] = [folder.file('dense.gguf'), folder.file('skewed.gguf')];
  const sizes = { layers: 2, width: 64, heads: 4, kvHeads: 2, keyLength: 32, feedForward: 64, vocabulary } as const;
  writeRandom(source, { architecture: 'llama', ...sizes, type: 'q8_0' });
  const text = Array.from({ length: 90 }, (_, i) => (i * i * 37 + 11) % vocabulary);
  const [experts, used] = [32, 4];
  mixture(source, path, { experts, used, text });
  for (const slots of [used, 8]) {
    await using model = openWith(path, slots);
    const traces = model.pools.map((pool) => {
      const tokens: (readonly number[])[] = [];
      pool.onRoute = ({ ids }) => tokens.push(Array.from(ids));
      return { experts, used, batches: tokens };
    });
    for (const [start, token] of text.entries())
      await run(model, [{ sequence: 0, start, tokens: [token], outputs: 1 }]);
    const hits = model.pools.map(({ statistics }) => statistics.hits);
    assert.deepEqual(
      hits,
      traces.map((trace) => referenceHits(trace, slots)),
    );
    const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
    assert.ok(sum(hits) >= sum(traces.map((trace) => lruHits(trace, slots))));
    assert.ok(hits.every((count) => count > 0));
  }
});

test('a pass that fails, or is given up after any step, leaves experts whole', async () => {
  const path = fileOf('qwen3moe');
  const expected = expectedOf(path);
  for (const slots of [1, 3]) {
    await using model = openWith(path, slots);
    await model.pager.load();
    const { reader } = model;
    const readv = reader.readv.bind(reader);
    let left = Number.POSITIVE_INFINITY;
    reader.readv = async (file, parts, position) => {
      left -= 1;
      if (left < 0) throw new EngineError('READ_FAILED', { file: path, offset: position, reason: 'EIO' });
      await readv(file, parts, position);
    };
    for (const [i, spans] of batches.entries()) {
      const restore = (): void => {
        for (const { sequence, start } of spans) at(at(model.states, sequence).layers, 0).restore(start);
      };
      left = i;
      await assert.rejects(run(model, spans), engineError('READ_FAILED'));
      left = Number.POSITIVE_INFINITY;
      restore();
      const abort = new AbortController();
      const stopped = model.forward.run(
        spans.map(({ sequence, start, tokens }) => ({
          state: at(model.states, sequence),
          start,
          tokens,
          logits: 'last',
        })),
        { signal: abort.signal, onStep: (share) => share > i / batches.length && abort.abort(new Error('enough')) },
      );
      await assert.rejects(stopped, /enough/);
      restore();
      assert.deepEqual(await run(model, spans), at(expected, i), `batch ${i}, ${slots} slots`);
    }
  }
});
