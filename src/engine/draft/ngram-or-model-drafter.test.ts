import assert from 'node:assert/strict';
import test from 'node:test';
import type { DraftToken } from '../../sample/token-rng.ts';
import { AcceptanceRate } from './draft-length.ts';
import type { Drafter } from './drafter.ts';
import { NgramDrafter } from './ngram-drafter.ts';
import { NgramOrModelDrafter } from './ngram-or-model-drafter.ts';

/** Drafts 900 and on, and tells what happened to it. */
class CountingDrafter implements Drafter {
  readonly acceptance: AcceptanceRate = new AcceptanceRate();
  readonly cost = 0.5;
  readonly accepted: number[] = [];
  asked = 0;
  disposed = 0;

  accept(token: number): void {
    this.accepted.push(token);
  }

  propose(most: number): Promise<readonly DraftToken[]> {
    this.asked += 1;
    return Promise.resolve(Array.from({ length: most }, (_, i) => ({ token: 900 + i })));
  }

  [Symbol.dispose](): void {
    this.disposed += 1;
  }
}

/** A drafter that has read `tokens`, with the model's drafter inside it. */
function after(tokens: readonly number[]): { readonly either: NgramOrModelDrafter; readonly model: CountingDrafter } {
  const model = new CountingDrafter();
  const either = new NgramOrModelDrafter(new NgramDrafter(4), model);
  for (const token of tokens) either.accept(token);
  return { either, model };
}

const tokensOf = async (drafter: Drafter, most: number): Promise<readonly number[]> =>
  (await drafter.propose(most)).map(({ token }) => token);

test('where the end of the text came before at length, what followed it is proposed, and the model is not asked', async () => {
  const { either, model } = after([1, 2, 3, 4, 5, 6, 1, 2, 3, 4]);
  assert.deepEqual(await tokensOf(either, 3), [5, 6, 1]);
  assert.equal(model.asked, 0);
});

test('where it did not, or not at length, the model is asked', async () => {
  for (const text of [[], [1, 2, 3, 4], [1, 2, 3, 4, 5, 6, 2, 3, 4], [1, 2, 3, 4, 5, 6, 9, 2, 3, 4]]) {
    const { either, model } = after(text);
    assert.deepEqual(await tokensOf(either, 3), [900, 901, 902]);
    assert.equal(model.asked, 1);
  }
});

test('both read the whole text, so that either can go on at any time', async () => {
  const text = [1, 2, 3, 4, 5, 6, 1, 2, 3, 4];
  const { either, model } = after(text);
  await either.propose(2);
  either.accept(7);
  assert.deepEqual(model.accepted, [...text, 7]);
  assert.deepEqual(await tokensOf(either, 1), [900]);
  for (const token of [1, 2, 3, 4]) either.accept(token);
  assert.deepEqual(await tokensOf(either, 1), [7], 'the latest of equal matches');
});

test('cost and acceptance are those of whoever proposes next', () => {
  const { either, model } = after([1, 2, 3, 4, 5, 6, 1, 2, 3]);
  assert.deepEqual([either.cost, either.acceptance], [0.5, model.acceptance]);
  either.accept(4);
  assert.equal(either.cost, 0);
  const { acceptance } = either;
  assert.notEqual(acceptance, model.acceptance);
  acceptance.record(4, 0);
  either.accept(9);
  assert.equal(either.acceptance, model.acceptance);
  assert.equal(model.acceptance.rate, new AcceptanceRate().rate, 'wrong drafts of one say nothing of the other');
  for (const token of [1, 2, 3, 4]) either.accept(token);
  assert.equal(either.acceptance, acceptance);
});

test('what the model gives up is given up once, with it', () => {
  const { either, model } = after([1, 2]);
  either[Symbol.dispose]();
  assert.equal(model.disposed, 1);
});

test('if the model fails, so does the proposal', async () => {
  const { either, model } = after([1, 2]);
  model.propose = () => Promise.reject(new Error('a pass failed'));
  await assert.rejects(async () => either.propose(3), /a pass failed/);
});
