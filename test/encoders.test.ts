import assert from 'node:assert/strict';
import test from 'node:test';
import { at } from '../src/base/at.ts';
import { EngineError } from '../src/base/errors.ts';
import { CpuDevice } from '../src/ggml/cpu-device.ts';
import { Model } from '../src/model/model.ts';
import type { ModelOptions } from '../src/model/model-options.ts';
import { architectureFile } from './support/architectures/architecture-file.ts';
import { encoders } from './support/architectures/encoders.ts';
import { Reference } from './support/architectures/reference.ts';
import { run, runJson } from './support/cli.ts';
import { cosine } from './support/cosine.ts';
import { engineError } from './support/engine-error.ts';
import { openLlama } from './support/open-llama.ts';
import { openTestModel } from './support/open-model.ts';
import { inTurn } from './support/rounds.ts';
import { postTo, serve } from './support/server.ts';
import { shared } from './support/shared.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const reference = shared(new Reference());
const device = shared(new CpuDevice(1));

/** Texts of tokens that mean nothing, of different lengths. */
const texts = [11, 1, 20, 6].map((length, k) => Array.from({ length }, (_, i) => (i * 7919 + 13 + k * 217) % 320));

/** Libllama's numbers for the ways of pooling. */
const poolings = { mean: 1, first: 2, last: 3 } as const;

/** The embedding that libllama gives each text, alone. */
const expectedOf = (path: string, options = {}): Promise<readonly Float32Array[]> =>
  reference.logits({
    path,
    embeddings: true,
    batches: texts.map((tokens) => [{ sequence: 0, start: 0, tokens, outputs: tokens.length }]),
    options,
  });

for (const architecture of Object.keys(encoders)) {
  test(`with everything streamed, together and alone, texts have libllama's embeddings: ${architecture}`, async () => {
    const path = architectureFile(folder.file(`${architecture}.gguf`), architecture, { pooling: poolings.mean });
    const expected = await expectedOf(path);
    await using model = openLlama(path, { device, sliceBytes: 2 ** 14 });
    assert.ok(model.plan.streamed.length > 0, 'nothing is streamed');
    const embed = async (...some: readonly (readonly number[])[]): Promise<readonly Float32Array[]> => {
      const spans = some.map((tokens, i) => ({
        state: at(model.states, i),
        start: 0,
        tokens,
        logits: 'last' as const,
      }));
      const rows = await model.forward.run(spans, { output: 'embeddings' });
      const width = rows.length / some.length;
      return some.map((_, i) => rows.slice(i * width, (i + 1) * width));
    };
    const together = await embed(...texts);
    for (const [i, tokens] of texts.entries()) {
      assert.ok(cosine(at(together, i), at(expected, i)) > 0.99999, `text ${i}`);
      const [alone = assert.fail()] = await embed(tokens);
      assert.deepEqual(alone, at(expected, i), `text ${i} alone`);
    }
    assert.equal(new Set(expected.map((vector) => vector[0])).size, texts.length, 'two texts have the same embedding');
  });
}

/** The options of a model in the smallest budget that it names. */
function leastOptions(path: string, options: ModelOptions): ModelOptions {
  try {
    openTestModel(path, 1, options).plan();
  } catch (error) {
    if (!(error instanceof EngineError && error.code === 'BUDGET_TOO_SMALL')) throw error;
    return { ...options, memoryBudget: (error as EngineError<'BUDGET_TOO_SMALL'>).details.needed };
  }
  assert.fail('it fits in nothing');
}

for (const [i, [name, pooling]] of Object.entries(poolings).entries()) {
  test(`a model gives them in the smallest budget and in more, pooled as its file says: ${name}`, async () => {
    for (const architecture of inTurn(['bert', 'gemma-embedding', 'llama-embed'], i)) {
      const path = architectureFile(folder.file(`${architecture}-${name}.gguf`), architecture, {
        pooling,
        vocabulary: true,
        sizes: { width: 256, feedForward: 1024 },
      });
      const expected = await expectedOf(path);
      const options: ModelOptions = { context: 64, parallel: 3 };
      for (const given of [options, leastOptions(path, options)]) {
        await using model = openTestModel(path, 2 ** 26, given);
        assert.equal(model.plan().streamed.length > 0, given !== options, `${architecture}: it streams, or not`);
        const { vectors } = await model.embed(texts);
        for (const [i, vector] of vectors.entries())
          assert.ok(cosine(vector, at(expected, i)) > 0.99999, `${architecture}, text ${i}`);
      }
    }
  });
}

const words = ['hello world', 'Plums?', 'hello   WORLD', 'zzz 中文'];

/** Rerankers: their heads, and the pooling that asks for them. */
const rank = {
  pooling: 4,
  vocabulary: true,
  optional: ['cls.weight', 'cls.bias', 'cls.output.weight', 'cls.output.bias'],
};

test('a reranker scores texts as libllama does, and makes no embeddings', async () => {
  const path = architectureFile(folder.file('reranker.gguf'), 'bert', rank);
  await using model = openTestModel(path, 2 ** 26, { parallel: 3 });
  const query = 'hello plum';
  const tokensOf = (text: string): number[] =>
    model.vocabulary.tokenize(text, { addSpecial: false, parseSpecial: false });
  const { bos = -1, eos = -1 } = model.vocabulary;
  const pairs = words.map((text) => [bos, ...tokensOf(query), eos, ...tokensOf(text), eos]);
  const batches = pairs.map((tokens) => [{ sequence: 0, start: 0, tokens, outputs: tokens.length }]);
  const expected = await reference.logits({ path, embeddings: true, batches });
  const { scores, tokens } = await model.rank(query, words);
  assert.equal(tokens, pairs.flat().length);
  for (const [i, score] of scores.entries())
    assert.ok(Math.abs(score - at([...at(expected, i)], 0)) < 1e-4, `text ${i}`);
  assert.equal(new Set(scores).size, words.length - 1, 'two different texts have the same score');
  await assert.rejects(model.embed(words), engineError('NOT_FOR_EMBEDDINGS'));
  await using other = openTestModel(bert, 2 ** 26);
  await assert.rejects(other.rank(query, words), engineError('NOT_FOR_RANKING'));
  await assert.rejects(model.rank(query, ['hello '.repeat(300)]), engineError('CONTEXT_TOO_LONG'));
});

const bert = architectureFile(folder.file('served-bert.gguf'), 'bert', {
  pooling: poolings.first,
  vocabulary: true,
  sizes: { context: 64 },
});

test('texts that fill a pass wait for the next one, and none is divided', async () => {
  await using model = openTestModel(bert, 2 ** 26, { parallel: 8 });
  const passes = async (...lengths: readonly number[]): Promise<number> => {
    const before = model.tally().sums.passes;
    await model.embed(lengths.map((length) => Array<number>(length).fill(7)));
    return model.tally().sums.passes - before;
  };
  assert.equal(model.plan().batch, 64);
  assert.equal(await passes(30, 30), 1);
  assert.equal(await passes(30, 30, 30), 2);
  assert.equal(await passes(64, 64), 2);
  await assert.rejects(model.embed([Array<number>(65).fill(7)]), engineError('CONTEXT_TOO_LONG', { context: 64 }));
});

test('a model for embeddings answers nothing, and says what to use', async () => {
  await using model = Model.open(bert, { memoryBudget: 2 ** 29 });
  assert.throws(() => model.generate('x'), engineError('NOT_FOR_ANSWERS', /ssd-llm embed/));
  const small = ['-m', '400M'];
  for (const args of [
    ['run', bert, '-p', 'x'],
    ['chat', bert],
    ['bench', bert],
  ]) {
    const { code, stderr } = await run([...args, ...small]);
    assert.match(
      `${code} ${stderr}`,
      /^2 error: .*makes embeddings of texts, and gives no answers; use "ssd-llm embed"/,
    );
  }
  const { stdout } = await run(['info', bert, ...small]);
  assert.match(stdout, /embeddings +64 elements, pooling: first/);
  const info = await runJson<{ embeddings: object; speed: null }>(['info', bert, ...small]);
  assert.deepEqual([info.embeddings, info.speed], [{ dimensions: 64, pooling: 'first' }, null]);
});

test('a server embeds with it, says so of it, and refuses all else', async () => {
  await using model = openTestModel(bert, 2 ** 26);
  const { vectors } = await model.embed(words);
  await using server = await serve([bert, '-m', '400M', '-t', '1', '--kernels', 'plain']);
  const ask = async (path: string, body: object): Promise<{ status: number; body: Record<string, unknown> }> => {
    const response = await postTo(server, path, body);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const { body } = await ask('/api/embed', { input: words });
  for (const [i, vector] of (body['embeddings'] as number[][]).entries())
    assert.ok(cosine(new Float32Array(vector), at(vectors, i)) > 0.99999);
  assert.deepEqual((await ask('/api/show', { model: 'served-bert' })).body['capabilities'], ['embedding']);
  const refused = await ask('/api/generate', { prompt: 'x', stream: false });
  assert.equal(refused.status, 400);
  assert.match(`${refused.body['error']}`, /gives no answers; ask \/api\/embed/);
  const long = await ask('/api/embed', { input: 'hello '.repeat(100), truncate: false });
  assert.deepEqual([long.status, /exceeds the available context size/.test(`${long.body['error']}`)], [400, true]);
  const cut = await ask('/api/embed', { input: 'hello '.repeat(100) });
  assert.equal(cut.body['prompt_eval_count'], 64);
});
