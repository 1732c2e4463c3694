import assert from 'node:assert/strict';
import { existsSync, readdirSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { arr, writeGguf } from '../bench/gguf-writer.ts';
import { randomModel } from '../bench/random-model.ts';
import { synthesize } from '../bench/synthesize.ts';
import { tinyBytePair } from '../bench/tiny-vocabulary.ts';
import type { ErrorCode } from '../src/base/error-details.ts';
import type { EngineError } from '../src/base/errors.ts';
import { Model } from '../src/model/model.ts';
import type { ModelOptions } from '../src/model/model-options.ts';
import {
  ask,
  assertAnswer,
  collectAnswer,
  greedy,
  openBatchModel,
  promptOf,
  rightAnswer,
  writeBatchModel,
} from './support/batch-model.ts';
import { deferred } from './support/deferred.ts';
import { openDrafted, watchedReads, writeNoiseModel } from './support/drafted-model.ts';
import { engineError, thrown } from './support/engine-error.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const path = writeBatchModel(folder.file('model.gguf'));
const noise = writeNoiseModel(folder.file('noise.gguf'));

const prompt = promptOf(0, 20);
const maxTokens = 12;
const { expected, isRight } = await rightAnswer(path, prompt, maxTokens);

/** Files that this process has open, where the system tells. */
const openFiles = (): number | undefined =>
  existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : undefined;

/** Fails unless the batch model cannot be opened with this draft model, which leaves no file open. */
function isRefused(draft: string, code: ErrorCode): EngineError {
  const before = openFiles();
  const error = thrown(code, () => Model.open(path, { draft: { model: draft } }));
  assert.equal(openFiles(), before);
  return error;
}

const sizes = { layers: 1, width: 64, heads: 2, kvHeads: 1, feedForward: 64, context: 64 };

test('a draft model with other tokens is refused: the first one that differs is named', async () => {
  const other = folder.file('other.gguf');
  const own = tinyBytePair('gpt-2', [], 400);
  const names = [...own.ids.keys()].map((name, id) => (id >= 280 ? `${name}!` : name));
  const metadata = { ...own.metadata, 'tokenizer.ggml.tokens': arr('string', names) };
  synthesize(other, { ...sizes, vocabulary: 400, tokenizer: () => ({ ...own, metadata }) }, { type: 'f32' });
  const wanted = [...own.ids.keys()][280];
  const { details } = isRefused(other, 'VOCABULARY_DIFFERS');
  assert.deepEqual(details, { draft: other, target: path, token: 280, drafted: `${wanted}!`, wanted });
  await using model = openBatchModel(path, { parallel: 1 });
  await isRight(model);
});

test('a draft model with fewer tokens, or more, drafts for one whose others it does not know', async () => {
  for (const vocabulary of [300, 500]) {
    const draft = folder.file(`${vocabulary}.gguf`);
    writeNoiseModel(draft, { vocabulary });
    await using model = await openDrafted(path, { draft: { model: draft, ahead: 4, adaptive: false } });
    await Promise.all([isRight(model), isRight(model)]);
    // A prompt of tokens that one of them does not have, and an answer too.
    const unknown = [390, 391, 20, 399];
    const options = { maxTokens: 6, bias: new Map([[395, 1000]]) };
    const { tokens } = await ask(model, unknown, options);
    assert.deepEqual(tokens, Array(6).fill(395));
    const drawn = { maxTokens: 12, temperature: 1, topK: 0, topP: 1, seed: 1 };
    await using plain = openBatchModel(path, { parallel: 1 });
    assert.deepEqual((await ask(model, unknown, drawn)).tokens, (await ask(plain, unknown, drawn)).tokens);
    assert.ok(model.tally().sums.drafted > 20);
  }
});

test('a draft model that is missing or is none is refused as any other is', () => {
  isRefused(folder.file('none.gguf'), 'MODEL_NOT_FOUND');
  isRefused(folder.path, 'UNREADABLE');
  const garbage = folder.file('garbage.gguf');
  writeFileSync(garbage, 'PK and so on');
  isRefused(garbage, 'NOT_GGUF');
  writeNoiseModel(garbage);
  truncateSync(garbage, 60_000);
  isRefused(garbage, 'GGUF_TRUNCATED');
  const { tensors, metadata } = randomModel({ ...sizes, architecture: 'llama', vocabulary: 400 });
  const most = tensors.filter(({ name }) => name !== 'blk.0.ffn_up.weight');
  writeGguf(garbage, { metadata: { ...metadata, ...tinyBytePair('gpt-2', [], 400).metadata }, tensors: most });
  isRefused(garbage, 'MISSING_TENSOR');
});

for (const [how, code, damage] of [
  ['cut', 'FILE_CHANGED', (draft: string) => truncateSync(draft, 60_000)],
  ['removed', 'MODEL_NOT_FOUND', (draft: string) => rmSync(draft)],
] as const) {
  test(`a draft model that was ${how} after it was opened fails generations, and the model closes all the same`, async () => {
    const draft = folder.file(`${how}.gguf`);
    writeNoiseModel(draft);
    const options: ModelOptions & { draft: object } = { draft: { model: draft, ahead: 4, adaptive: false } };
    const model = await openDrafted(path, options);
    const before = openFiles();
    damage(draft);
    await Promise.all([1, 2].map(() => assert.rejects(ask(model, prompt, { maxTokens }), engineError(code))));
    await assert.rejects(ask(model, prompt, { maxTokens }), engineError(code));
    if (how === 'removed') assert.equal(openFiles(), before, 'nothing is left of what was opened');
    await model[Symbol.asyncDispose]();
  });
}

test('where the draft model came back, so do the answers', async () => {
  const [draft, away] = [folder.file('back.gguf'), folder.file('away.gguf')];
  writeNoiseModel(draft);
  await using model = await openDrafted(path, { draft: { model: draft, ahead: 4, adaptive: false } });
  renameSync(draft, away);
  await assert.rejects(ask(model, prompt, { maxTokens }), engineError('MODEL_NOT_FOUND'));
  renameSync(away, draft);
  await isRight(model);
  assert.ok(model.tally().sums.drafted > 0);
});

/** A model whose draft model is read only when `go` is called; `drafting` resolves when it is about to be. */
async function openHeld(): Promise<{ model: Model; drafting: Promise<void>; go: () => void }> {
  const { promise: drafting, resolve: begun } = deferred();
  const { promise: held, resolve: go } = deferred();
  const readAt = watchedReads(noise, () => {
    begun();
    return held;
  });
  const draft = { model: noise, ahead: 4, adaptive: false };
  const model = await openDrafted(path, { draft, readAt, parallel: 2 });
  return { model, drafting, go };
}

test('an abort while it is being drafted ends the answer at once, and the others go on', async () => {
  const { model, drafting, go } = await openHeld();
  await using _model = model;
  const abort = new AbortController();
  const cut = model.generate(prompt, { ...greedy, maxTokens, signal: abort.signal });
  const pieces = (async () => {
    for await (const _ of cut);
  })();
  const other = isRight(model);
  await drafting;
  abort.abort();
  await pieces;
  assert.equal(cut.stopReason, 'cancelled');
  assert.deepEqual(cut.tokens, expected.tokens.slice(0, 1));
  go();
  await other;
  await Promise.all([isRight(model), isRight(model)]);
});

test('where all leave while it is being drafted, the next one is answered', async () => {
  const { model, drafting, go } = await openHeld();
  await using _model = model;
  const cut = model.generate(prompt, { ...greedy, maxTokens });
  const pieces = cut[Symbol.asyncIterator]();
  await pieces.next();
  await drafting;
  await pieces.return();
  const next = isRight(model);
  go();
  await next;
  assert.equal(model.tally().state.active, 0);
});

/** An answer that is asked for after a while, and may be left: after so many pieces, or three times as many milliseconds. */
interface Visit {
  readonly most: number;
  readonly delay: number;
  readonly leaves: 'never' | 'breaks' | 'aborts';
  readonly after: number;
}

test('sequences come and go at any time: all answers are right, and no place is lost', async () => {
  await using model = await openDrafted(path, { draft: { model: noise, ahead: 3, adaptive: false }, parallel: 3 });
  const anyVisit: fc.Arbitrary<Visit> = fc.record({
    most: fc.integer({ min: 0, max: maxTokens }),
    delay: fc.nat(12),
    leaves: fc.constantFrom<Visit['leaves'][]>('never', 'never', 'breaks', 'aborts'),
    after: fc.nat(6),
  });
  const visit = async ({ most, delay, leaves, after }: Visit): Promise<void> => {
    await sleep(delay);
    const abort = new AbortController();
    const generation = model.generate(prompt, { ...greedy, maxTokens: most, logprobs: 0, signal: abort.signal });
    const timer = leaves === 'aborts' ? setTimeout(() => abort.abort(), 3 * after) : undefined;
    let count = 0;
    for await (const _ of generation) {
      count += 1;
      if (leaves === 'breaks' && count > after) break;
    }
    clearTimeout(timer);
    assertAnswer(generation.tokens, expected, generation.tokens.length);
  };
  await fc.assert(
    fc.asyncProperty(fc.array(anyVisit, { minLength: 1, maxLength: 8 }), async (visits) => {
      await Promise.all(visits.map(visit));
    }),
    { numRuns: 10 },
  );
  const generations = [1, 2, 3].map(() => model.generate(prompt, { ...greedy, maxTokens, logprobs: 2 }));
  for (const { tokens } of await Promise.all(generations.map(collectAnswer))) assertAnswer(tokens, expected);
  for (const { stats } of generations) assert.ok((stats?.speculation.drafted ?? 0) > 0, 'it has a place to draft in');
});

test('closing a model while it is being drafted ends everything with MODEL_CLOSED', async () => {
  const { model, drafting, go } = await openHeld();
  const asks = [1, 2, 3].map(() => assert.rejects(ask(model, prompt, { maxTokens }), engineError('MODEL_CLOSED')));
  await drafting;
  const closed = model[Symbol.asyncDispose]();
  await Promise.all(asks);
  go();
  await closed;
});

test('closing a model at any time while four draft is no different', async () => {
  for (const passes of [0, 1, 2, 5, 12]) {
    const model = await openDrafted(path, { draft: { model: noise, ahead: 4, adaptive: false, ngram: passes === 5 } });
    const asks = [1, 2, 3, 4, 5].map((seed) =>
      assert.rejects(ask(model, promptOf(seed, 9 * seed), { maxTokens: 200 }), engineError('MODEL_CLOSED')),
    );
    while (model.tally().sums.passes < passes) await turn();
    await model[Symbol.asyncDispose]();
    await Promise.all(asks);
  }
});

test('a read of the draft model that fails, fails the answers of that pass, and the next ones are right', async () => {
  let failing = true;
  const readAt = watchedReads(noise, () => {
    if (failing) throw Object.assign(new Error('input/output error'), { code: 'EIO' });
  });
  await using model = await openDrafted(path, { draft: { model: noise, ahead: 4, adaptive: false }, readAt });
  await Promise.all([1, 2].map(() => assert.rejects(ask(model, prompt, { maxTokens }), engineError('READ_FAILED'))));
  failing = false;
  await Promise.all([1, 2].map(() => isRight(model)));
});
