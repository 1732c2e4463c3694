import assert from 'node:assert/strict';
import test from 'node:test';
import { bool, u32, writeGguf } from '../bench/gguf-writer.ts';
import { Libllama } from '../bench/libllama.ts';
import { type RandomModelSpec, randomModel } from '../bench/random-model.ts';
import { at } from '../src/base/at.ts';
import { EngineError } from '../src/base/errors.ts';
import { Model } from '../src/model/model.ts';
import type { ModelOptions } from '../src/model/model-options.ts';
import { small } from './support/agrees.ts';
import { ask, assertAnswer, openBatchModel, promptOf, rightAnswer, writeBatchModel } from './support/batch-model.ts';
import { cosine } from './support/cosine.ts';
import { engineError } from './support/engine-error.ts';
import { openTestModel } from './support/open-model.ts';
import { inTurn } from './support/rounds.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();

/** Ways of pooling by their numbers in files; undefined says nothing. */
const poolings = { unsaid: undefined, mean: 1, first: 2, last: 3 } as const;

function written(spec: RandomModelSpec, pooling: number | undefined): string {
  const path = folder.file(`${spec.architecture}-${pooling}.gguf`);
  const { metadata, tensors } = randomModel(spec);
  const key = `${spec.architecture}.pooling_type`;
  writeGguf(path, { metadata: { ...metadata, ...(pooling !== undefined && { [key]: u32(pooling) }) }, tensors });
  return path;
}

/** Some megabytes, so that less memory is needed where weights stream. */
const shape = { ...small, layers: 4, width: 256, heads: 4, keyLength: 64, feedForward: 1024 } as const;

const texts = [1, 7, 40, 3, 90].map((length, i) => promptOf(i, length).map((token) => token % small.vocabulary));
const context = 128;

/** The embeddings that libllama makes of `texts`, scaled to length 1. */
function expectedOf(path: string): readonly Float32Array[] {
  using libllama = new Libllama(path, { context, threads: 1, embeddings: true });
  return texts.map((tokens) => {
    libllama.forget();
    return at(libllama.embedSpans([{ sequence: 0, start: 0, tokens, outputs: tokens.length }]), 0);
  });
}

/** The options of a model in the smallest budget that it names. */
function leastOptions(path: string, options: ModelOptions): ModelOptions {
  try {
    openTestModel(path, 1, options).plan();
  } catch (error) {
    if (!(error instanceof EngineError && error.code === 'BUDGET_TOO_SMALL')) throw error;
    const { needed } = (error as EngineError<'BUDGET_TOO_SMALL'>).details;
    return { ...options, memoryBudget: needed };
  }
  assert.fail('it fits in nothing');
}

for (const graphs of ['own', 'libllama'] as const) {
  for (const [i, [name, pooling]] of Object.entries(poolings).entries()) {
    test(`${graphs}: texts together and alone, in memory and streamed, have libllama's embeddings, pooled: ${name}`, async () => {
      for (const architecture of inTurn(['qwen3', 'gemma3'] as const, i)) {
        const path = written({ ...shape, architecture, tied: architecture === 'gemma3' }, pooling);
        const options: ModelOptions = { graphs, context, parallel: 3, kv: { home: 'ram' } };
        const expected = expectedOf(path);
        for (const given of [options, leastOptions(path, options)]) {
          await using model = openTestModel(path, 2 ** 26, given);
          const { streamed } = model.plan();
          assert.equal(streamed.length > 0, given !== options);
          const { vectors, tokens } = await model.embed(texts);
          assert.equal(tokens, texts.flat().length);
          for (const [i, vector] of vectors.entries()) {
            assert.ok(cosine(vector, at(expected, i)) > 0.99999, `${architecture}, text ${i}`);
            assert.ok(Math.abs(Math.hypot(...vector) - 1) < 1e-5);
            const alone = (await model.embed([at(texts, i)])).vectors;
            assert.ok(cosine(vector, at(alone, 0)) > 0.999999, `${architecture}, text ${i} alone`);
          }
        }
      }
    });
  }
}

test('decoders that see whole texts are refused, and those that score texts embed none', async () => {
  const { metadata, tensors } = randomModel({ ...small, architecture: 'qwen3' });
  const path = folder.file('other-qwen3.gguf');
  writeGguf(path, { metadata: { ...metadata, 'qwen3.attention.causal': bool(false) }, tensors });
  assert.throws(() => openTestModel(path, 2 ** 26), engineError('UNSUPPORTED_MODEL', /tokens that see those behind/));
  writeGguf(path, { metadata: { ...metadata, 'qwen3.pooling_type': u32(4) }, tensors });
  await using model = openTestModel(path, 2 ** 26);
  await assert.rejects(model.embed([[1]]), engineError('NOT_FOR_EMBEDDINGS'));
});

test('the head is not read where only embeddings are wanted, and logits are right afterwards', async () => {
  for (const graphs of ['own', 'libllama'] as const) {
    const path = written({ ...shape, architecture: 'llama', layers: 2, vocabulary: 2 ** 14 }, undefined);
    const options: ModelOptions = { graphs, context, kv: { home: 'ram' } };
    await using whole = openTestModel(path, 2 ** 26, options);
    await using model = openTestModel(path, 2 ** 26, leastOptions(path, options));
    const { bytesPerPass } = model.plan();
    const settledBytes = (): Promise<number> =>
      model.measure(async ({ pager, reader }) => {
        await pager.weightRing.settled();
        return reader.bytesRead;
      });
    await model.embed(texts.slice(0, 1));
    const before = await settledBytes();
    const passes = 4;
    for (let i = 0; i < passes; i += 1) await model.embed(texts.slice(0, 1));
    const read = (await settledBytes()) - before;
    // The head is 16 MiB, all else that streams 8.
    assert.ok(read < (2 * passes * bytesPerPass) / 3, `${graphs}: ${read} of ${passes} times ${bytesPerPass} bytes`);
    const answers = [model, whole].map((one) => ask(one, at(texts, 2), { maxTokens: 4 }));
    const [streamed, resident] = await Promise.all(answers);
    assert.deepEqual(streamed?.tokens, resident?.tokens);
  }
});

const batchPath = writeBatchModel(folder.file('batch.gguf'));
const question = promptOf(0, 20);
const answered = rightAnswer(batchPath, question, 12);

test('embeddings and answers take turns in one engine, and neither changes the other', async () => {
  const { expected } = await answered;
  await using model = openBatchModel(batchPath, { parallel: 3 });
  const alone = await model.embed(texts);
  const [answer, embedded, second] = await Promise.all([
    ask(model, question, { maxTokens: 12 }),
    model.embed(texts),
    ask(model, question, { maxTokens: 12 }),
  ]);
  for (const { tokens } of [answer, second]) assertAnswer(tokens, expected);
  for (const [i, vector] of embedded.vectors.entries()) {
    assert.ok(cosine(vector, at(alone.vectors, i)) > 0.99999, `text ${i}`);
  }
  assert.deepEqual([model.tally().state.active, model.tally().state.waiting], [0, 0]);
});

test('texts share passes as far as there is room', async () => {
  await using model = openBatchModel(batchPath, { parallel: 8 });
  const passes = async (count: number): Promise<number> => {
    const before = model.tally().sums.passes;
    await model.embed(Array.from({ length: count }, (_, i) => promptOf(i, 5)));
    return model.tally().sums.passes - before;
  };
  assert.equal(await passes(1), 1);
  assert.equal(await passes(8), 1);
  assert.equal(await passes(9), 2);
});

test('fewer dimensions are the first ones, scaled anew; embeddings are as the model gives them if asked for', async () => {
  await using model = openBatchModel(batchPath);
  const inputs = texts.slice(0, 2);
  const [plain, short, raw] = [
    await model.embed(inputs),
    await model.embed(inputs, { dimensions: 10 }),
    await model.embed(inputs, { normalize: false }),
  ];
  for (const [i, vector] of plain.vectors.entries()) {
    assert.equal(vector.length, 512);
    assert.ok(cosine(vector.subarray(0, 10), at(short.vectors, i)) > 0.999999);
    assert.ok(Math.abs(Math.hypot(...at(short.vectors, i)) - 1) < 1e-5);
    assert.ok(cosine(vector, at(raw.vectors, i)) > 0.999999 && Math.hypot(...at(raw.vectors, i)) > 2);
  }
  for (const dimensions of [0, 513, 1.5]) {
    await assert.rejects(model.embed(inputs, { dimensions }), engineError('BAD_OPTION', /dimensions .*1 to 512/));
  }
});

test('a text that is too long is refused, or loses its end if asked for', async () => {
  await using model = openBatchModel(batchPath);
  const long = promptOf(1, 300);
  await assert.rejects(model.embed([[1, 2], long]), engineError('CONTEXT_TOO_LONG', { prompt: 300, context: 256 }));
  const cut = await model.embed([long, 'x'.repeat(3000)], { truncate: true });
  assert.equal(cut.tokens, 512);
  const { vectors } = await model.embed([long.slice(0, 256)]);
  assert.ok(cosine(at(vectors, 0), at(cut.vectors, 0)) > 0.99999);
  const short = await model.embed([long], { truncate: true, longest: 10 });
  assert.equal(short.tokens, 10);
});

test('texts without tokens, and tokens that are none, are refused; no texts have no embeddings', async () => {
  await using model = openBatchModel(batchPath);
  await assert.rejects(model.embed([[]]), engineError('EMPTY_INPUT'));
  await assert.rejects(model.embed([[400]]), engineError('BAD_OPTION'));
  assert.deepEqual(await model.embed([]), { vectors: [], tokens: 0 });
});

test('an abort ends all texts of a call, and others go on', async () => {
  await using model = openBatchModel(batchPath, { parallel: 2, streamed: true });
  const abort = new AbortController();
  const many = Array.from({ length: 40 }, (_, i) => promptOf(i, 60));
  const aborted = model.embed(many, { signal: abort.signal, onProgress: () => abort.abort() });
  const other = model.embed(texts.slice(0, 2));
  await assert.rejects(aborted, { name: 'AbortError' });
  const again = await model.embed(texts.slice(0, 2));
  for (const [i, vector] of (await other).vectors.entries()) assert.ok(cosine(vector, at(again.vectors, i)) > 0.99999);
  assert.deepEqual([model.tally().state.active, model.tally().state.waiting], [0, 0]);
});

test('progress counts the tokens of all texts', async () => {
  await using model = openBatchModel(batchPath, { parallel: 2 });
  const seen: number[] = [];
  const total = texts.flat().length;
  await model.embed(texts, {
    onProgress: (tokens, all) => {
      assert.equal(all, total);
      seen.push(tokens);
    },
  });
  assert.ok(seen.every((tokens, i) => tokens >= (seen[i - 1] ?? 0)));
  assert.equal(seen.at(-1), total);
});

test('a closed model embeds nothing', async () => {
  const model = Model.open(batchPath);
  await model[Symbol.asyncDispose]();
  await assert.rejects(model.embed(['x']), engineError('MODEL_CLOSED'));
});
