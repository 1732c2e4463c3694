import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  answersAlone,
  assertAnswer,
  type CollectedAnswer,
  promptOf,
  writeBatchModel,
} from '../../../test/support/batch-model.ts';
import { engineError } from '../../../test/support/engine-error.ts';
import { likeliest, type OpenDraft, openDraft } from '../../../test/support/open-draft.ts';
import { rounds } from '../../../test/support/rounds.ts';
import { sharedPath } from '../../../test/support/temp-folder.ts';
import { EngineError } from '../../base/errors.ts';
import type { SequenceCache } from '../../state/sequence-cache.ts';
import { TokenList } from '../../text/token-list.ts';

const path = writeBatchModel(sharedPath('model.gguf'));

const context = 256;
const wanted = 10;
const prompts = [3, 20, 64, 130].map((length, seed) => promptOf(seed, length));
const expected = await answersAlone(path, prompts, { maxTokens: wanted });

const takeFor = async ({ engine }: OpenDraft, text: readonly number[]): Promise<SequenceCache> =>
  (await engine.acquire(text)) ?? assert.fail('there is no place');

/** Likeliest tokens after `text`, and by how much they were so. */
async function drafted(
  { engine }: OpenDraft,
  cache: SequenceCache,
  text: readonly number[],
  most: number = wanted,
): Promise<Pick<CollectedAnswer, 'tokens' | 'gaps'>> {
  const gaps: number[] = [];
  const drafts = await engine.propose({
    cache,
    text: TokenList.from(text),
    most,
    draft: likeliest(gaps),
    cancelled: () => false,
  });
  return { tokens: drafts.map(({ token }) => token), gaps };
}

/** Sums over 64 tokens and more round differently than those over few. */
const nearTie = 0.2;

/** Fails unless both are the same, as far as there is no near-tie. */
const assertSame = (
  actual: Pick<CollectedAnswer, 'tokens'>,
  { tokens, gaps }: Pick<CollectedAnswer, 'tokens' | 'gaps'>,
): void => {
  const expected = { tokens, gaps, text: '', logprobs: [], cached: 0, reason: undefined };
  assertAnswer(actual.tokens, expected, tokens.length, nearTie);
};

test('the drafts of a model about itself are what it answers', async () => {
  await using draft = await openDraft(path, context, 1);
  for (const [i, prompt] of prompts.entries()) {
    const cache = await takeFor(draft, prompt);
    assertSame(await drafted(draft, cache, prompt), expected[i] ?? assert.fail());
    draft.engine.release(cache);
    await draft.runtime.allReleased();
  }
});

test('texts that are asked about at once share the passes, a draft each, however long they are', async () => {
  await using draft = await openDraft(path, context, 4);
  const asked = prompts.map(async (prompt, i) => {
    assertSame(await drafted(draft, await takeFor(draft, prompt), prompt), expected[i] ?? assert.fail());
  });
  await Promise.all(asked);
  const { batch } = draft.runtime.plan;
  const [first = []] = draft.passes;
  assert.deepEqual(first.slice(0, 2), [1, 20], 'as few tokens as three are computed one by one');
  const all = draft.passes.reduce((sum, tokens) => sum + tokens.reduce((a, b) => a + b), 0);
  assert.equal(all, prompts.reduce((sum, { length }) => sum + length, 0) + 4 * (wanted - 1));
  for (const tokens of draft.passes) assert.ok(tokens.reduce((a, b) => a + b) <= batch + 3);
  assert.ok(draft.passes.length < 1.5 * wanted + prompts.length, `${draft.passes.length} passes`);
});

test('a pass takes no more tokens than were planned for, however many texts are behind by a few', async () => {
  const parallel = 12;
  await using draft = await openDraft(path, 16, parallel);
  const { batch } = draft.runtime.plan;
  const texts = Array.from({ length: parallel }, (_, i) => promptOf(i, i === 0 ? 14 : 3));
  const answers = texts.map(async (text) => drafted(draft, await takeFor(draft, text), text, 2));
  for (const { tokens } of await Promise.all(answers)) assert.equal(tokens.length, 2);
  for (const tokens of draft.passes) assert.ok(tokens.reduce((a, b) => a + b) <= batch + parallel - 1);
});

test('those that want fewer drafts have them at once, and the others go on', async () => {
  await using draft = await openDraft(path, context, 3);
  const texts = [0, 1, 2].map((i) => promptOf(i, 3));
  const order: number[] = [];
  const answers = texts.map(async (text, i) => {
    const { tokens } = await drafted(draft, await takeFor(draft, text), text, 3 * (3 - i));
    assert.equal(tokens.length, 3 * (3 - i));
    order.push(i);
  });
  await Promise.all(answers);
  assert.deepEqual(order, [2, 1, 0]);
  assert.deepEqual(draft.passes.at(-1), [1]);
  assert.equal(draft.passes.length, 2 + 9);
});

test('however a text was changed since, its drafts are those of a text that is new', async () => {
  await using draft = await openDraft(path, context, 1);
  await using fresh = await openDraft(path, context, 1);
  const cache = await takeFor(draft, []);
  const newCache = await takeFor(fresh, []);
  const anyEdit = fc.record({
    keep: fc.oneof(fc.nat(80), fc.constant(Number.POSITIVE_INFINITY)),
    right: fc.nat(6),
    more: fc.array(fc.nat(399), { maxLength: 70 }),
    most: fc.integer({ min: 1, max: 8 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(anyEdit, { minLength: 1, maxLength: 5 }), async (edits) => {
      let text: readonly number[] = promptOf(1, 9);
      let last: readonly number[] = [];
      for (const { keep, right, more, most } of edits) {
        // Some draft tokens were accepted, and then something else came, or the text is another one from here on.
        text = [...(keep < text.length ? text.slice(0, keep) : [...text, ...last.slice(0, right)]), ...more].slice(
          -200,
        );
        if (text.length === 0) text = [7];
        newCache.truncate(0);
        const drafts = await drafted(draft, cache, text, most);
        assertSame(drafts, await drafted(fresh, newCache, text, most));
        last = drafts.tokens;
        // The last draft token need not be stored.
        const stored = [...text, ...last.slice(0, -1)];
        assert.deepEqual([...cache.tokens], stored);
      }
    }),
    { numRuns: rounds(7, 15) },
  );
});

test('a text that changed where its window has left is computed anew', async () => {
  const kv = { window: { tokens: 20, sinks: 2 } };
  await using draft = await openDraft(path, 4096, 1, kv);
  const cache = await takeFor(draft, []);
  const text = promptOf(1, 500);
  for (const changed of [text, [...text.slice(0, 490), 9], [...text.slice(0, 240), 8], text.slice(0, 100)]) {
    await using fresh = await openDraft(path, 4096, 1, kv);
    const expected = await drafted(fresh, await takeFor(fresh, changed), changed, 4);
    assertSame(await drafted(draft, cache, changed, 4), expected);
  }
  const counts = draft.passes.map(([tokens]) => tokens ?? 0).filter((tokens) => tokens > 1);
  // The change near the end takes one token, and so does the last text: by then nothing has been overwritten.
  const batches = (tokens: number): readonly number[] =>
    Array.from({ length: Math.ceil(tokens / 64) }, (_, i) => Math.min(64, tokens - 64 * i));
  assert.deepEqual(counts, [500, 241].flatMap(batches));
});

test('what was stored of a text is not computed again', async () => {
  await using draft = await openDraft(path, context, 1);
  const text = promptOf(2, 20);
  const cache = await takeFor(draft, text);
  const { tokens } = await drafted(draft, cache, text, 4);
  draft.passes.length = 0;
  await drafted(draft, cache, text, 1);
  assert.deepEqual(draft.passes, [[1]], 'the same text again: its last token, for the logits');
  await drafted(draft, cache, [...text, ...tokens.slice(0, 2), 5], 1);
  assert.deepEqual(draft.passes.slice(1), [[1], [1], [1]], 'two drafts of which one is stored yet, and what came');
});

test('there is a place for as many texts as were planned for, and none for more until one has left', async () => {
  await using draft = await openDraft(path, 64, 2);
  const caches = [await takeFor(draft, [1]), await takeFor(draft, [2])];
  assert.equal(await draft.engine.acquire([3]), undefined);
  draft.engine.release(caches[1] ?? assert.fail());
  await draft.runtime.allReleased();
  assert.equal(await draft.engine.acquire([3]), caches[1]);
});

test('whoever does not want drafts any more has no passes, and is asked for no draft', async () => {
  await using draft = await openDraft(path, context, 2);
  const texts = [promptOf(0, 3), promptOf(1, 3)].map(TokenList.from);
  const caches = [await takeFor(draft, [1]), await takeFor(draft, [2])];
  let gone = false;
  let asked = 0;
  const propose = (i: number): Promise<readonly unknown[]> =>
    draft.engine.propose({
      cache: caches[i] ?? assert.fail(),
      text: texts[i] ?? assert.fail(),
      most: 6,
      draft: (logits, text) => {
        if (i === 1) assert.ok(!gone, 'it is gone');
        if (i === 1) asked += 1;
        if (asked === 2) gone = true;
        return likeliest()(logits, text);
      },
      cancelled: () => i === 1 && gone,
    });
  const [other, left] = await Promise.all([propose(0), propose(1)]);
  assert.deepEqual([other.length, left.length, asked], [6, 2, 2]);
  assert.deepEqual(draft.passes.slice(-4), [[1], [1], [1], [1]]);
});

test('an abort rejects what is under way and what comes later, with its reason', async () => {
  await using draft = await openDraft(path, context, 1);
  const text = promptOf(3, 100);
  const cache = await takeFor(draft, text);
  const under = assert.rejects(drafted(draft, cache, text), engineError('MODEL_CLOSED'));
  setImmediate(() => draft.engine.abort(new EngineError('MODEL_CLOSED', { file: path })));
  await under;
  await assert.rejects(drafted(draft, cache, text), engineError('MODEL_CLOSED'));
});

test('a pass that fails rejects all it was for, and the next drafts are right', async () => {
  await using draft = await openDraft(path, context, 2);
  const { runtime } = draft;
  const { run } = runtime;
  let failing = true;
  runtime.run = (spans, options) => {
    if (!failing || spans.some(({ tokens }) => tokens.length > 1)) return run(spans, options);
    return Promise.reject(new EngineError('COMPUTE_FAILED', { status: 1 }));
  };
  const caches = [await takeFor(draft, [1]), await takeFor(draft, [2])];
  const both = (): readonly Promise<Pick<CollectedAnswer, 'tokens' | 'gaps'>>[] =>
    caches.map((cache, i) => drafted(draft, cache, prompts[i + 1] ?? assert.fail()));
  await Promise.all(both().map((answer) => assert.rejects(answer, engineError('COMPUTE_FAILED'))));
  failing = false;
  for (const [i, answer] of (await Promise.all(both())).entries()) assertSame(answer, expected[i + 1] ?? assert.fail());
});

test('the cost of a draft is what passes over single tokens took of late, by the drafts that they gave', async (t) => {
  await using draft = await openDraft(path, context, 2);
  let now = 0;
  let milliseconds = 0;
  const { run } = draft.runtime;
  draft.runtime.run = async (spans, options) => {
    const logits = await run(spans, options);
    now += spans.some(({ tokens }) => tokens.length > 1) ? 5000 : milliseconds;
    return logits;
  };
  t.mock.method(performance, 'now', () => now);
  const texts = [promptOf(0, 9), promptOf(1, 9)];
  const caches = [await takeFor(draft, [1]), await takeFor(draft, [2])];
  const ask = (i: number, most: number): Promise<unknown> =>
    drafted(draft, caches[i] ?? assert.fail(), texts[i] ?? assert.fail(), most);

  assert.equal(draft.engine.cost, 0);
  await ask(0, 1);
  assert.equal(draft.engine.cost, 0, 'a pass over a text says nothing of it');
  milliseconds = 40;
  await ask(0, 3);
  assert.equal(draft.engine.cost, 0.04);
  await ask(1, 1);
  milliseconds = 60;
  await Promise.all([ask(0, 9), ask(1, 9)]);
  assert.equal(draft.engine.cost, 0.03, 'each of two has half of the pass');
  milliseconds = 1000;
  await ask(0, 1);
  assert.equal(draft.engine.cost, 0.03, 'an outlier makes no difference');
  now += 61_000;
  assert.equal(draft.engine.cost, 0, 'what was long ago may have changed');
});
