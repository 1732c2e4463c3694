import assert from 'node:assert/strict';
import { read } from 'node:fs';
import test from 'node:test';
import type { Generation } from '../src/engine/generation.ts';
import type { Model } from '../src/model/model.ts';
import type { ModelOptions } from '../src/model/model-options.ts';
import type { ReadAt } from '../src/pager/reader.ts';
import { greedy, openBatchModel, promptOf, writeBatchModel } from './support/batch-model.ts';
import { deferred } from './support/deferred.ts';
import { engineError } from './support/engine-error.ts';
import { openTestModel } from './support/open-model.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const path = writeBatchModel(folder.file('model.gguf'));
const prompt = promptOf(2, 20);
const options = { ...greedy, maxTokens: 12 } as const;

/** Opens the model for one sequence, under a budget that most of its weights do not fit in. */
const open = (more: ModelOptions = {}): Model => openBatchModel(path, { streamed: true, parallel: 1, ...more });

async function tokensOf(generation: Generation): Promise<readonly number[]> {
  for await (const _ of generation);
  return generation.tokens;
}

/** The answer to the prompt when nothing goes wrong. */
let expected: readonly number[];
{
  await using model = open();
  expected = await tokensOf(model.generate(prompt, options));
}
const isRight = async (model: Model, why?: string): Promise<void> =>
  assert.deepEqual(await tokensOf(model.generate(prompt, options)), expected, why);

test('generations queue for the model, and each begins afresh', async () => {
  await using model = open();
  await Promise.all([isRight(model), isRight(model)]);
  assert.ok(model.plan().bytesPerPass > 0, 'weights were streamed');
});

test('a generation that is left early makes room for the next', async () => {
  await using model = open();
  const left = model.generate(prompt, options);
  for await (const _ of left) break;
  assert.deepEqual(left.tokens, expected.slice(0, 1));
  await isRight(model);
});

/** A disk that calls `each` with the number of every read before it begins. */
function counted(each: (reads: number) => void): ReadAt {
  let reads = 0;
  return (fd, into, position, done) => {
    reads += 1;
    each(reads);
    read(fd, into, 0, into.length, position, done);
  };
}

test('an abort in the middle of a pass ends the answer, and the next one is right', async () => {
  let abort = new AbortController();
  let [seen, last] = [0, Number.POSITIVE_INFINITY];
  await using model = open({
    readAt: counted((reads) => {
      seen = reads;
      if (reads >= last) abort.abort();
    }),
  });
  await model.load();
  for (const later of [1, 2, 5, 20, 60]) {
    abort = new AbortController();
    last = seen + later;
    const cut = model.generate(promptOf(3, 200), { ...options, signal: abort.signal, maxTokens: 50 });
    await tokensOf(cut);
    assert.equal(cut.stopReason, 'cancelled');
    last = Number.POSITIVE_INFINITY;
    await isRight(model, `after ${later} reads`);
  }
});

test('a disk read error while weights stream reaches whoever waits, with the place', async () => {
  let reads = 0;
  const model = open({
    readAt: (fd, into, position, done) => {
      reads += 1;
      if (reads < 60) read(fd, into, 0, into.length, position, done);
      else done(Object.assign(new Error('input/output error'), { code: 'EIO' }), 0);
    },
  });
  await assert.rejects(
    tokensOf(model.generate(prompt, { ...options, maxTokens: 200 })),
    engineError('READ_FAILED', /EIO/),
  );
  await model[Symbol.asyncDispose]();
});

test('loading reports its progress and can be aborted', async () => {
  await using model = open();
  const seen: [number, number][] = [];
  await model.load(undefined, { onProgress: (loaded, total) => seen.push([loaded, total]) });
  const [last, total] = seen.at(-1) ?? [0, 1];
  assert.equal(last, total);
  assert.ok(seen.every(([loaded], i) => i === 0 || loaded > (seen[i - 1]?.[0] ?? 0)));

  await using other = open();
  await assert.rejects(other.load(undefined, { signal: AbortSignal.abort() }), { name: 'AbortError' });
});

test('a prompt may be given as tokens; numbers that are no tokens are refused', async () => {
  await using model = open();
  const text = 'hello world';
  assert.deepEqual(
    await tokensOf(model.generate(model.tokenize(text), options)),
    await tokensOf(model.generate(text, options)),
  );
  for (const wrong of [[-1], [1e9], [1.5]]) {
    assert.throws(() => model.generate(wrong), engineError('BAD_OPTION'));
  }
});

test('closing a model twice, or before it is loaded, is harmless', async () => {
  const model = open();
  await model[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
});

test('closing ends a generation in the middle of a pass, or between two, with MODEL_CLOSED', async () => {
  const closed = engineError('MODEL_CLOSED');
  const { promise: begun, resolve: reading } = deferred();
  let loaded = false;
  const model = open({ readAt: counted(() => loaded && reading()) });
  await model.load();
  loaded = true;
  const running = tokensOf(model.generate(promptOf(3, 200), options));
  const waiting = tokensOf(model.generate(prompt, options));
  const rejected = Promise.all([assert.rejects(running, closed), assert.rejects(waiting, closed)]);
  await begun;
  await model[Symbol.asyncDispose]();
  await rejected;

  const other = open();
  const pieces = other.generate(prompt, options)[Symbol.asyncIterator]();
  await pieces.next();
  await other[Symbol.asyncDispose]();
  await assert.rejects(pieces.next(), closed);
});

test('a closed model refuses everything with MODEL_CLOSED, and a generation is iterated over once', async () => {
  const closed = engineError('MODEL_CLOSED');
  const model = open();
  const early = model.generate(prompt, options);
  const used = model.generate(prompt, { ...options, maxTokens: 1 });
  await tokensOf(used);
  await assert.rejects(tokensOf(used), /once/);
  await model[Symbol.asyncDispose]();
  assert.throws(() => model.tokenize('Hi'), closed);
  assert.throws(() => model.generate('Hi'), closed);
  assert.throws(() => model.plan(), closed);
  await assert.rejects(model.load(), closed);
  await assert.rejects(tokensOf(early), closed);
});

test('a prompt decides how long a context is chosen, where none is given', async () => {
  const long = folder.file('long.gguf');
  writeBatchModel(long, 8192);
  await using model = openTestModel(long, 400 * 2 ** 20, { kernels: 'auto' });
  const abort = new AbortController();
  const asked = { ...options, signal: abort.signal, onPrompt: () => abort.abort() };
  const generation = model.generate(promptOf(1, 4300), asked);
  await tokensOf(generation);
  assert.ok((await model.load()).context > 4300);
  assert.ok((generation.stats?.load_ms ?? 0) > 0, 'a long prompt has the weights loaded first');
  for (const maxTokens of [-1, Number.NaN]) {
    assert.throws(() => model.generate('Hi', { maxTokens }), engineError('BAD_OPTION'));
  }
});

test('a load that failed can be tried again', async () => {
  await using model = open();
  await assert.rejects(model.load(undefined, { signal: AbortSignal.abort() }), { name: 'AbortError' });
  await isRight(model);
});
