import assert from 'node:assert/strict';
import test from 'node:test';
import { promptOf } from '../../../test/support/batch-model.ts';
import { engineError } from '../../../test/support/engine-error.ts';
import { writeBytePair } from '../../../test/support/model-files.ts';
import { likeliest, type OpenDraft, openDraft } from '../../../test/support/open-draft.ts';
import { sharedPath } from '../../../test/support/temp-folder.ts';
import { EngineError } from '../../base/errors.ts';
import type { DraftRequest } from './draft-engine.ts';
import { ModelDrafter } from './model-drafter.ts';

const path = sharedPath('model.gguf');
const vocabulary = 300;
const sizes = { layers: 2, width: 64, heads: 2, kvHeads: 1, feedForward: 128, vocabulary, context: 64 };
writeBytePair(path, sizes, { type: 'q8_0' });

/** A drafter that has read `text`. */
function reading(
  { engine }: OpenDraft,
  text: readonly number[],
  draft: DraftRequest['draft'] = likeliest(),
): ModelDrafter {
  const drafter = new ModelDrafter(engine, draft);
  for (const token of text) drafter.accept(token);
  return drafter;
}

const tokensOf = async (drafter: ModelDrafter, most: number): Promise<readonly number[]> =>
  (await drafter.propose(most)).map(({ token }) => token);

/** Draft tokens after `text` from a drafter that was asked nothing before. */
async function freshly(draft: OpenDraft, text: readonly number[], most: number): Promise<readonly number[]> {
  using drafter = reading(draft, text);
  return await tokensOf(drafter, most);
}

/** Waits until only caches in use are taken. */
const settled = async ({ runtime }: OpenDraft): Promise<void> => {
  await new Promise(setImmediate);
  await runtime.allReleased();
};

const text = promptOf(3, 12).map((token) => token % vocabulary);

test('drafts go on as drafts are accepted, or do not', async () => {
  await using draft = await openDraft(path, 64, 2);
  using drafter = reading(draft, text);
  const first = await tokensOf(drafter, 5);
  assert.equal(first.length, 5);
  assert.deepEqual(await tokensOf(drafter, 5), first, 'nothing has come since');

  const goesOn = [...text];
  for (const more of [first, [], [...first.slice(0, 2), 7], [8], [9, 10, 11, 12, 13, 14]]) {
    for (const token of more) drafter.accept(token);
    goesOn.push(...more);
    assert.deepEqual(await tokensOf(drafter, 4), await freshly(draft, goesOn, 4));
    await settled(draft);
  }
});

test('a text that ends before its drafts do has as many as its context holds, and then none', async () => {
  await using draft = await openDraft(path, 16, 1);
  using drafter = reading(draft, text);
  // The last draft token need not be stored.
  assert.equal((await tokensOf(drafter, 99)).length, 16 - 12 + 1);
  for (const token of [1, 2, 3, 4]) drafter.accept(token);
  assert.equal((await tokensOf(drafter, 99)).length, 1);
  draft.passes.length = 0;
  drafter.accept(5);
  assert.deepEqual(await tokensOf(drafter, 99), []);
  for (let token = 0; token < 50; token += 1) drafter.accept(token);
  assert.deepEqual(await tokensOf(drafter, 99), []);
  assert.deepEqual(draft.passes, [], 'nothing is computed for it');
  const long = reading(draft, promptOf(1, 40));
  assert.deepEqual(await tokensOf(long, 3), []);
});

test('none are asked of the model where none are wanted', async () => {
  await using draft = await openDraft(path, 64, 1);
  using drafter = reading(draft, text);
  assert.deepEqual(await drafter.propose(0), []);
  assert.deepEqual([draft.passes, draft.runtime.caches.free], [[], true]);
});

test('the drafts after tokens that the model does not know are as good as after any other in their place', async () => {
  await using draft = await openDraft(path, 64, 2);
  using drafter = reading(draft, [...text, vocabulary, 7, vocabulary + 5000, 2 ** 24, 3]);
  assert.deepEqual(await tokensOf(drafter, 4), await freshly(draft, [...text, 0, 7, 0, 0, 3], 4));
});

test('where there are more texts than places, those without one have no drafts until there is one', async () => {
  await using draft = await openDraft(path, 64, 2);
  const drafters = [0, 1, 2].map((i) => reading(draft, [...text, i]));
  const [first, ...others] = drafters;
  const counts = await Promise.all(drafters.map(async (drafter) => (await drafter.propose(3)).length));
  assert.deepEqual(counts, [3, 3, 0]);
  first?.[Symbol.dispose]();
  await settled(draft);
  for (const drafter of others) assert.equal((await drafter.propose(3)).length, 3);
  for (const drafter of others) drafter[Symbol.dispose]();
  await settled(draft);
});

test('one that goes while it is asked leaves its place, and its draft is asked for no more', async () => {
  await using draft = await openDraft(path, 64, 1);
  for (const left of [0, 1, 3]) {
    let asked = 0;
    let disposed = false;
    const drafter = reading(draft, text, (logits, all) => {
      assert.ok(!disposed, 'what drafts is gone');
      asked += 1;
      if (asked === left) leave();
      return likeliest()(logits, all);
    });
    const leave = (): void => {
      drafter[Symbol.dispose]();
      disposed = true;
    };
    const proposal = drafter.propose(8);
    if (left === 0) leave();
    assert.ok((await proposal).length <= left);
    assert.equal(asked, left);
    await settled(draft);
    assert.ok(draft.runtime.caches.free);
  }
  assert.equal((await freshly(draft, text, 8)).length, 8);
});

test('one that goes in the middle of a pass is asked for no draft, and the others of the pass are', async () => {
  await using draft = await openDraft(path, 64, 2);
  const { run } = draft.runtime;
  const leaving = reading(draft, text, () => assert.fail('what drafts is gone'));
  using other = reading(draft, text);
  draft.runtime.run = (spans, options) => {
    const logits = run(spans, options);
    leaving[Symbol.dispose]();
    draft.runtime.run = run;
    return logits;
  };
  const [none, drafts] = await Promise.all([leaving.propose(4), other.propose(4)]);
  assert.deepEqual([none.length, drafts.length], [0, 4]);
  await settled(draft);
  assert.ok(draft.runtime.caches.free);
});

test('one that goes without ever having been asked leaves nothing', async () => {
  await using draft = await openDraft(path, 64, 1);
  reading(draft, text)[Symbol.dispose]();
  await settled(draft);
  assert.ok(draft.runtime.caches.free);
});

test('after a pass that failed its place is free again, and others are answered', async () => {
  await using draft = await openDraft(path, 64, 1);
  const { run } = draft.runtime;
  draft.runtime.run = () => Promise.reject(new EngineError('COMPUTE_FAILED', { status: 2 }));
  const drafter = reading(draft, text);
  await assert.rejects(drafter.propose(3), engineError('COMPUTE_FAILED'));
  drafter[Symbol.dispose]();
  await settled(draft);
  draft.runtime.run = run;
  assert.equal((await freshly(draft, text, 3)).length, 3);
});

test('the keys and values of a text are used again for one that begins alike', async () => {
  await using draft = await openDraft(path, 64, 1);
  await freshly(draft, text, 3);
  await settled(draft);
  draft.passes.length = 0;
  await freshly(draft, [...text, 1, 2, 3, 4], 1);
  assert.deepEqual(draft.passes, [[4]]);
});
