import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { collectGarbage } from '../src/base/garbage.ts';
import { type Drafter, noDrafter } from '../src/engine/draft/drafter.ts';
import type { GenerationStats } from '../src/engine/generation-stats.ts';
import type { Piece } from '../src/engine/piece-queue.ts';
import { Sequence } from '../src/engine/sequence.ts';
import type { GenerateOptions } from '../src/model/model-options.ts';
import { textBytes } from '../src/runtime/text-bytes.ts';
import { Sampler } from '../src/sample/sampler.ts';
import { Detokenizer } from '../src/text/detokenizer.ts';
import { openBatchModel, promptOf, writeBatchModel } from './support/batch-model.ts';
import { kvCache, smallShape } from './support/caches.ts';
import { outputOf } from './support/output-of.ts';
import { mixOf, rightOf, ScriptedDrafter, wrongOf } from './support/scripted-drafter.ts';
import { shared } from './support/shared.ts';
import { sharedPath } from './support/temp-folder.ts';

const path = writeBatchModel(sharedPath('model.gguf'));
const model = shared(openBatchModel(path));
const { vocabulary } = model;
const runtime = await model.start();

const context = 48;
/** Letters, a space, parts of characters ("é", "😀"), and the end. */
const words = [97, 98, 99, 100, 32, 0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80, vocabulary.eos ?? assert.fail()];

/** The logits after `text`, which its last tokens decide: a few words are likely, and the end now and then. */
function logitsAfter(text: readonly number[]): Float32Array {
  const logits = new Float32Array(vocabulary.size).fill(-30);
  for (const [i, word] of words.entries()) {
    let hash = text.slice(-2).reduce((a, b) => Math.imul(a ^ b, 0x9e3779b1), i + 1);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    logits[word] = ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 30 - (word === vocabulary.eos ? 1 : 0);
  }
  return logits;
}

/** Requests to a sequence, beside those of a model. */
interface Question extends Omit<GenerateOptions, 'signal' | 'onLoad' | 'onPrompt'> {
  readonly prompt: readonly number[];
}

function sequenceOf(question: Question, drafter: Drafter, withLogprobs = true): Sequence {
  const { maxTokens = Number.POSITIVE_INFINITY, longest = Number.POSITIVE_INFINITY } = question;
  return new Sequence({
    prompt: question.prompt,
    vocabulary,
    newSampler: () => new Sampler(vocabulary.size, question, { bias: question.bias }),
    newDrafter: () => drafter,
    output: outputOf(vocabulary, question.stop ?? []),
    ignoreEnd: question.ignoreEnd ?? false,
    logprobs: withLogprobs ? 2 : undefined,
    maxTokens,
    longest,
  });
}

/** Results of a sequence, with the tokens of each pass. */
interface Outcome {
  readonly pieces: readonly Piece[];
  readonly tokens: readonly number[];
  readonly reason: Sequence['stopReason'];
  readonly passes: readonly number[];
  readonly stats: GenerationStats;
}

/** Takes a sequence through passes as the engine does, with at most `ahead` draft tokens in each. */
async function outcomeOf(question: Question, drafter: Drafter = noDrafter(), ahead = 0): Promise<Outcome> {
  using cache = kvCache(smallShape(context));
  const sequence = sequenceOf(question, drafter);
  sequence.begin(runtime, cache, 0);
  const passes: number[] = [];
  while (!sequence.ended) {
    if (sequence.decoding) await sequence.draft(ahead);
    const start = cache.tokens.length;
    const { pending } = sequence;
    assert.ok(!sequence.decoding || pending <= 1 + ahead);
    passes.push(pending);
    cache.store(sequence.upcoming(pending));
    const computed = [...cache.tokens];
    assert.ok(computed.length <= context, 'beyond the context');
    const kept = sequence.advance(start, pending, (i) => logitsAfter(computed.slice(0, start + i + 1)));
    cache.truncate(start + kept);
    const text = [...question.prompt, ...sequence.answer];
    assert.deepEqual([...cache.tokens], text.slice(0, start + kept), 'what is stored belongs to the text');
  }
  const pieces: Piece[] = [];
  for (let piece = await sequence.read(); piece; piece = await sequence.read()) pieces.push(piece);
  const { answer, stopReason, stats } = sequence;
  return { pieces, tokens: answer, reason: stopReason, passes, stats: stats ?? assert.fail() };
}

const anyStop = fc
  .array(fc.constantFrom('a', 'b', 'c', 'd', ' ', 'é', '\ufffd'), { minLength: 1, maxLength: 3 })
  .map((letters) => letters.join(''));
const anyQuestion: fc.Arbitrary<Question> = fc.record({
  prompt: fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: context }),
  maxTokens: fc.oneof(fc.nat(50), fc.constant(Number.POSITIVE_INFINITY)),
  longest: fc.oneof(fc.integer({ min: context, max: context + 9 }), fc.constant(context - 0.5)),
  stop: fc.array(anyStop, { maxLength: 2 }),
  ignoreEnd: fc.boolean(),
  temperature: fc.constantFrom(0, 0, 0.5, 1.5),
  topP: fc.constantFrom(1, 0.7),
  repeatPenalty: fc.constantFrom(1, 1.3),
  seed: fc.nat(1000),
  bias: fc
    .dictionary(fc.constantFrom('97', '100', '169'), fc.integer({ min: -3, max: 3 }))
    .map((bias) => new Map(Object.entries(bias).map(([token, more]) => [Number(token), more]))),
});

test('whatever is drafted, an answer is the same to its last piece, and ends for the same reason', async () => {
  const anyDrafts = fc.record({
    right: fc.constantFrom(0, 0.5, 0.9, 1),
    ahead: fc.integer({ min: 1, max: 40 }),
    seed: fc.nat(),
  });
  const reasons = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(anyQuestion, anyDrafts, async (question, { right, ahead, seed }) => {
      const fits = question.prompt.length <= Math.min(context, question.longest ?? context);
      fc.pre(fits);
      const plain = await outcomeOf(question);
      const drafter = new ScriptedDrafter(question.prompt.length, mixOf(plain.tokens, right, words, seed));
      const drafted = await outcomeOf(question, drafter, ahead);
      assert.deepEqual(drafted.pieces, plain.pieces);
      assert.deepEqual([drafted.tokens, drafted.reason], [plain.tokens, plain.reason]);
      reasons.set(`${plain.reason}`, (reasons.get(`${plain.reason}`) ?? 0) + 1);

      const { speculation, decode, prefill } = drafted.stats;
      assert.equal(decode.tokens, plain.stats.decode.tokens);
      assert.equal(decode.tokens, speculation.passes + speculation.accepted);
      assert.equal(speculation.tokens_per_pass, speculation.passes && decode.tokens / speculation.passes);
      assert.equal(speculation.drafted, drafter.proposed);
      assert.ok(speculation.accepted <= speculation.drafted);
      assert.deepEqual([speculation.passes, prefill.tokens], [drafted.passes.length - 1, question.prompt.length]);
    }),
    { numRuns: 600 },
  );
  for (const reason of ['stop', 'length']) assert.ok((reasons.get(reason) ?? 0) > 60);
});

const endless = { temperature: 0, ignoreEnd: true } as const;

test('right drafts all are accepted: a pass yields as many tokens as were computed, to the end of the answer', async () => {
  const question = { ...endless, prompt: promptOf(1, 7), maxTokens: 31 };
  const { tokens } = await outcomeOf(question);
  for (const ahead of [1, 4, 5, 15, 40]) {
    const outcome = await outcomeOf(question, new ScriptedDrafter(7, rightOf(tokens)), ahead);
    const passes = Math.ceil(30 / (1 + ahead));
    assert.deepEqual(outcome.tokens, tokens);
    assert.deepEqual(outcome.passes.slice(1, passes), Array(passes - 1).fill(1 + ahead));
    assert.equal(outcome.passes.length, 1 + passes);
    const { drafted, accepted, tokens_per_pass: perPass } = outcome.stats.speculation;
    assert.deepEqual([drafted, accepted, perPass], [30 - passes, 30 - passes, 30 / passes]);
  }
});

test('right drafts fill the context to its last token', async () => {
  const question = { ...endless, prompt: promptOf(2, 7) };
  const { tokens, passes } = await outcomeOf(question);
  // The last token is not stored any more.
  assert.equal(tokens.length, context - 7 + 1);
  assert.equal(passes.length, tokens.length);
  const drafted = await outcomeOf(question, new ScriptedDrafter(7, rightOf(tokens)), 100);
  assert.deepEqual([drafted.tokens, drafted.passes], [tokens, [7, context - 7]]);
});

test('rejected draftes come to nothing: each pass yields one token', async () => {
  const question = { ...endless, prompt: promptOf(3, 7), maxTokens: 20 };
  const { tokens } = await outcomeOf(question);
  const outcome = await outcomeOf(question, new ScriptedDrafter(7, wrongOf(tokens)), 3);
  assert.deepEqual(outcome.tokens, tokens);
  assert.deepEqual(outcome.passes, [7, ...Array(16).fill(4), 3, 2, 1]);
  const { drafted, accepted, passes, tokens_per_pass: perPass } = outcome.stats.speculation;
  assert.deepEqual([drafted, accepted, passes, perPass], [16 * 3 + 2 + 1, 0, 19, 1]);
});

test('of one that has left in the middle of a pass no draft is kept, whatever it was', async () => {
  using cache = kvCache(smallShape(context));
  const prompt = promptOf(4, 7);
  const sequence = sequenceOf({ ...endless, prompt }, new ScriptedDrafter(7, wrongOf([])));
  sequence.begin(runtime, cache, 0);
  cache.store(sequence.upcoming(7));
  assert.equal(
    sequence.advance(0, 7, () => logitsAfter(prompt)),
    7,
  );
  await sequence.draft(5);
  assert.equal(sequence.pending, 6);
  sequence.end('cancelled');
  assert.equal(
    sequence.advance(7, 6, () => assert.fail('nobody wants to know')),
    1,
  );
  assert.equal(sequence.answerTokens, 1);
});

test('a text far beyond its window takes the bytes that are counted for its tokens, and no more', async () => {
  const windows = Array.from({ length: 2 }, () => ({ tokens: 100, sinks: 4 }));
  using cache = kvCache({ ...smallShape(2 ** 20), windows, pass: 1 });
  const sequence = sequenceOf({ ...endless, prompt: promptOf(1, 7) }, noDrafter());
  sequence.begin(runtime, cache, 0);
  const logits = logitsAfter([1, 2]);
  const grown = async (tokens: number): Promise<number> => {
    while (sequence.answerTokens < tokens) {
      const { pending } = sequence;
      const start = cache.tokens.length;
      cache.store(sequence.upcoming(pending));
      cache.truncate(start + sequence.advance(start, pending, () => logits));
      await sequence.read();
    }
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const [before, after] = [await grown(10_000), await grown(50_000)];
  const texts = { context: 40_000, ahead: 0, draftModel: false };
  const counted = textBytes({ ...texts, parallel: 2 }) - textBytes({ ...texts, parallel: 1 });
  assert.ok(after - before <= counted, `${after - before} bytes, ${counted} counted`);
  assert.equal(cache.tokens.length, 7 + 50_000 - 1);
  sequence.end('cancelled');
});

test('pieces that wait for a reader are joined where they are many, and are the same text', async () => {
  using cache = kvCache(smallShape(2 ** 13));
  const prompt = promptOf(1, 7);
  const sequence = sequenceOf({ ...endless, prompt, maxTokens: 5000 }, noDrafter(), false);
  sequence.begin(runtime, cache, 0);
  while (!sequence.ended) {
    const { pending } = sequence;
    const start = cache.tokens.length;
    cache.store(sequence.upcoming(pending));
    sequence.advance(start, pending, () => logitsAfter([sequence.answerTokens, 1]));
  }
  const pieces: string[] = [];
  for (let piece = await sequence.read(); piece; piece = await sequence.read()) pieces.push(piece.text);
  assert.ok(pieces.length < 1100, `${pieces.length} pieces`);
  const detokenizer = new Detokenizer(vocabulary);
  const text = sequence.answer.map((token) => detokenizer.push(token)).join('') + detokenizer.end();
  assert.equal(pieces.join(''), text);
});
