import assert from 'node:assert/strict';
import test from 'node:test';
import { str, writeGguf } from '../bench/gguf-writer.ts';
import { decodableArchitectures } from '../src/arch/decodable.ts';
import type { RopeOptions } from '../src/arch/rope.ts';
import { EngineError } from '../src/base/errors.ts';
import type { Span } from '../src/exec/span.ts';
import { CpuDevice } from '../src/ggml/cpu-device.ts';
import type { LlamaSpan } from '../src/ggml/llama-batch.ts';
import type { Plan } from '../src/plan/plan.ts';
import { type GraphChoice, openOutline } from '../src/runtime/model-outline.ts';
import type { PlanOptions } from '../src/runtime/planner.ts';
import { architectureFile } from './support/architectures/architecture-file.ts';
import { Reference } from './support/architectures/reference.ts';
import { architectures, usualSizesOf } from './support/architectures/rows.ts';
import { engineError, thrown } from './support/engine-error.ts';
import { openRuntime, planFor } from './support/open-model.ts';
import { shared } from './support/shared.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const device = shared(new CpuDevice(1));

const written = new Map<string, string>();
/** The file of an architecture's small model. */
function pathOf(name: string): string {
  // Heads of whole blocks.
  const sizes = name === 'qwen3' ? { width: 128 } : {};
  const path = written.get(name) ?? architectureFile(folder.file(`${name}.gguf`), name, { sizes });
  written.set(name, path);
  return path;
}

test('families of ours have graphs of ours, others and mixtures of experts have libllama’s, unless one is asked for', () => {
  const builderOf = (name: string, graphs: GraphChoice): string => {
    try {
      return openOutline(pathOf(name), { graphs }).graphs.builder;
    } catch (error) {
      return error instanceof EngineError ? error.code : `${error}`;
    }
  };
  const builders = (name: string): readonly string[] =>
    (['auto', 'libllama', 'own'] as const).map((graphs) => builderOf(name, graphs));
  assert.deepEqual(builders('qwen3'), ['own', 'libllama', 'own']);
  assert.deepEqual(builders('olmo2'), ['libllama', 'libllama', 'NO_OWN_GRAPHS']);
  assert.deepEqual(builders('llama with experts'), ['libllama', 'libllama', 'NO_OWN_GRAPHS']);
});

test('an architecture that goes on with no text is refused with the reason, an unknown one with a list of the others', () => {
  const path = folder.file('other.gguf');
  const open = (name: string) => () => {
    writeGguf(path, { metadata: { 'general.architecture': str(name) }, tensors: [] });
    openOutline(path);
  };
  const list = /"lamia" is not supported; these are: .*deepseek2, .*llama, .*qwen3moe, /;
  assert.throws(open('lamia'), engineError('UNKNOWN_ARCHITECTURE', list));
  assert.throws(open('dream'), engineError('ARCHITECTURE_REFUSED', /"dream" is not supported: it fills in/));
});

test('the architectures that are not refused are those whose small models go on with a text', () => {
  const shown = architectures.filter(({ state }) => state !== 'nothing').map(({ architecture }) => architecture);
  assert.deepEqual([...new Set(shown)].sort(), decodableArchitectures.toSorted());
});

const plan = (name: string, options: Partial<PlanOptions>, rope?: RopeOptions): Plan => {
  const outline = openOutline(pathOf(name), { rope, graphs: 'libllama' });
  using _graphs = outline.graphs;
  return planFor(device, outline, options);
};
/** Bytes by which processes may differ: an error's budget is as much larger. */
const spare = 4 * 2 ** 20;
const smallest = (name: string, options: Partial<PlanOptions>): number =>
  thrown('BUDGET_TOO_SMALL', () => plan(name, { ...options, budget: 1 })).details.needed - spare;

test('what libllama’s graphs cannot do with keys and values is refused by name', () => {
  const cannot = (kv: PlanOptions['kv']) => () => plan('olmo2', { kv });
  assert.throws(
    cannot({ home: 'ssd', folder: folder.path }),
    engineError('NOT_WITH_LIBLLAMA', /--kv-home ssd.*"olmo2"/),
  );
  assert.throws(cannot({ window: { tokens: 8, sinks: 0 } }), engineError('NOT_WITH_LIBLLAMA', /--sliding-window/));
  assert.throws(() => plan('olmo2', { expertCache: 2 ** 20 }), engineError('NO_EXPERTS'));
});

test('options that would change nothing are refused by name', () => {
  for (const name of ['mamba', 'bloom', 'rwkv7']) {
    assert.throws(
      () => plan(name, {}, { scale: 2 }),
      engineError('NO_ROTATION', new RegExp(`"${name}".*--rope-scale`)),
    );
  }
  for (const name of ['olmo2', 'deepseek2']) assert.ok(plan(name, {}, { base: 100 }));
  for (const name of ['mamba', 'rwkv7', 'bert']) {
    assert.throws(() => plan(name, { kv: { type: 'q8_0' } }), engineError('KV_TYPE_UNSUITABLE', /keeps none/));
  }
  assert.throws(() => plan('nomic-bert', {}, { scale: 2 }), engineError('NOT_WITH_LIBLLAMA', /--rope-scale/));
});

test('the state of longer texts, of more of them, and of wider types takes as much more as they are longer, more, wider', () => {
  const kv = (options: Partial<PlanOptions>): number => plan('qwen3', { context: 256, ...options }).shares.kv;
  const one = kv({});
  const near = (actual: number, expected: number): void =>
    assert.ok(Math.abs(actual - expected) < 0.1 * expected, `${actual} is not about ${expected}`);
  near(kv({ parallel: 4 }), 4 * one);
  // Libllama's lists of tokens are the same.
  const narrow = kv({ kv: { type: 'q8_0' } });
  assert.ok(narrow < one && narrow > (one * 34) / 64, `${narrow} instead of ${one}`);
});

/** The tokens of a text, as libllama's batches and as passes of ours. */
const text = Array.from({ length: 24 }, (_, i) => (i * 7919 + 13) % 320);
const passes = [text.slice(0, 20), ...text.slice(20).map((token) => [token])];

for (const name of ['olmo2', 'mamba', 'qwen3moe', 'deepseek2']) {
  test(`within the smallest budget that an error names, and in more, logits are those of llama_decode: ${name}`, async () => {
    await using reference = new Reference();
    assert.equal(usualSizesOf(name).vocabulary, 320);
    let start = 0;
    const batches = passes.map((tokens): readonly LlamaSpan[] => {
      const span = { sequence: 0, start, tokens, outputs: 1 };
      start += tokens.length;
      return [span];
    });
    const expected = await reference.logits({ path: pathOf(name), batches });
    const context = 256;
    for (const budget of [smallest(name, { context }), 2 ** 30]) {
      await using model = await openRuntime(pathOf(name), { graphs: 'libllama', context, budget });
      const [cache] = model.runtime.caches.all;
      assert.ok(cache);
      for (const [i, tokens] of passes.entries()) {
        const span: Span = { state: cache.state, start: cache.tokens.length, tokens, logits: 'last' };
        cache.begin(tokens.length);
        assert.deepEqual(await model.runtime.run([span]), expected[i], `pass ${i} in ${budget} bytes`);
        cache.store(tokens);
      }
      assert.equal(model.plan.streamed.length > 0, budget < 2 ** 30, 'it streams, or not');
    }
  });
}
