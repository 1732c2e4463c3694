import assert from 'node:assert/strict';
import { read } from 'node:fs';
import test from 'node:test';
import { EngineError } from '../src/base/errors.ts';
import type { Generation } from '../src/engine/generation.ts';
import { Model } from '../src/engine/model.ts';
import type { ModelOptions } from '../src/engine/model-options.ts';
import { runtimeBytes } from '../src/engine/process.ts';
import { smollm2 } from './support/smollm2.ts';

const path = await smollm2();
const question = [{ role: 'user', content: 'Why is the sky blue?' }] as const;
const greedy = { temperature: 0, maxTokens: 12 } as const;

/** Opens the model under a budget that leaves 60 MiB beside this process: about a third of the weights. */
const open = (options: ModelOptions = {}): Model =>
  Model.open(path, { memoryBudget: runtimeBytes() + 60 * 2 ** 20, threads: 1, ...options });

async function textOf(generation: Generation): Promise<string> {
  let text = '';
  for await (const piece of generation) text += piece.text;
  return text;
}

test('generations queue for the model, and each begins afresh', async () => {
  await using model = open();
  const [first, second] = [model.generate(question, greedy), model.generate(question, greedy)];
  const [a, b] = await Promise.all([textOf(first), textOf(second)]);
  assert.equal(a, 'The answer to this question lies in the intricate dance of light');
  assert.equal(b, a);
  assert.ok(model.plan().bytesPerPass > 0, 'weights were streamed');
});

test('a generation that is left early makes room for the next', async () => {
  await using model = open();
  for await (const piece of model.generate(question, greedy)) {
    assert.equal(piece.text, 'The');
    break;
  }
  assert.match(await textOf(model.generate(question, greedy)), /^The answer to this question/);
});

test('an abort in the middle of a pass ends the answer, and the next one is right', async () => {
  await using model = open();
  const plan = await model.load();
  const long = 'The weather in the mountains changes quickly. '.repeat(Math.ceil(plan.batch / 4));
  for (const delay of [0, 20, 60, 130]) {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), delay);
    const cut = model.generate(long, { ...greedy, signal: abort.signal, maxTokens: 1000 });
    await textOf(cut);
    assert.equal(cut.stopReason, 'cancelled');
    assert.match(await textOf(model.generate(question, greedy)), /^The answer to this question/, `after ${delay} ms`);
  }
});

test('a disk read error while weights stream reaches whoever waits, with the place', async () => {
  let reads = 0;
  const model = open({
    readAt: (fd, into, position, done) => {
      reads += 1;
      if (reads < 400) read(fd, into, 0, into.length, position, done);
      else done(Object.assign(new Error('input/output error'), { code: 'EIO' }), 0);
    },
  });
  await assert.rejects(
    textOf(model.generate(question, { ...greedy, maxTokens: 200 })),
    (error) => error instanceof EngineError && error.code === 'READ_FAILED' && /EIO/.test(error.message),
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
  const tokens = model.tokenize(question);
  assert.match(await textOf(model.generate(tokens, greedy)), /^The answer to this question/);
  for (const wrong of [[-1], [1e9], [1.5]]) {
    assert.throws(
      () => model.generate(wrong),
      (error) => error instanceof EngineError && error.code === 'BAD_OPTION',
    );
  }
});

test('closing a model twice, or before it is loaded, is harmless', async () => {
  const model = open();
  await model[Symbol.asyncDispose]();
  await model[Symbol.asyncDispose]();
});

test('closing ends a generation in the middle of a pass, or between two, with MODEL_CLOSED', async () => {
  const closed = (error: unknown): boolean => error instanceof EngineError && error.code === 'MODEL_CLOSED';
  const model = open();
  await model.load();
  const running = textOf(model.generate('The weather changes. '.repeat(100), greedy));
  const waiting = textOf(model.generate(question, greedy));
  const rejected = Promise.all([assert.rejects(running, closed), assert.rejects(waiting, closed)]);
  await new Promise((resolve) => setTimeout(resolve, 30));
  await model[Symbol.asyncDispose]();
  await rejected;

  const other = open();
  const pieces = other.generate(question, greedy)[Symbol.asyncIterator]();
  await pieces.next();
  await other[Symbol.asyncDispose]();
  await assert.rejects(pieces.next(), closed);
});

test('a closed model refuses everything with MODEL_CLOSED, and a generation is iterated over once', async () => {
  const closed = (error: unknown): boolean => error instanceof EngineError && error.code === 'MODEL_CLOSED';
  const model = open();
  const early = model.generate(question, greedy);
  const used = model.generate(question, { ...greedy, maxTokens: 1 });
  await textOf(used);
  await assert.rejects(textOf(used), /once/);
  await model[Symbol.asyncDispose]();
  assert.throws(() => model.tokenize('Hi'), closed);
  assert.throws(() => model.generate('Hi'), closed);
  assert.throws(() => model.plan(), closed);
  await assert.rejects(model.load(), closed);
  await assert.rejects(textOf(early), closed);
});

test('a prompt decides how long a context is chosen, where none is given', async () => {
  await using model = Model.open(path, { memoryBudget: runtimeBytes() + 400 * 2 ** 20, threads: 1 });
  const abort = new AbortController();
  const options = { ...greedy, signal: abort.signal, onPrompt: () => abort.abort() };
  const long = model.generate('word '.repeat(4300), options);
  await textOf(long);
  assert.ok((await model.load()).context > 4300);
  assert.ok((long.stats?.load_ms ?? 0) > 0, 'a long prompt has the weights loaded first');
  for (const maxTokens of [-1, Number.NaN]) {
    assert.throws(
      () => model.generate('Hi', { maxTokens }),
      (error) => error instanceof EngineError && error.code === 'BAD_OPTION',
    );
  }
});

test('a load that failed can be tried again', async () => {
  await using model = open();
  await assert.rejects(model.load(undefined, { signal: AbortSignal.abort() }), { name: 'AbortError' });
  assert.match(await textOf(model.generate(question, greedy)), /^The answer to this question/);
});
