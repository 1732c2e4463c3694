import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { type PassLimits, type PendingTokens, schedule } from './schedule.ts';

const decoding: PendingTokens = { tokens: 1, decoding: true };
const prompt = (tokens: number): PendingTokens => ({ tokens, decoding: false });
const limits: PassLimits = { batch: 64, tokens: 67, chunk: 16, exact: false, even: false, promptsFirst: false };
const exact: PassLimits = { ...limits, exact: true };
const even: PassLimits = { ...limits, even: true };

const anyPrompt = fc.integer({ min: 1, max: 2000 }).map(prompt);
/** A token, and draft tokens after it. */
const anyDecoding = (ahead: number): fc.Arbitrary<PendingTokens> =>
  fc.integer({ min: 1, max: 1 + ahead }).map((tokens) => ({ tokens, decoding: true }));

/** Sequences, and limits as a runtime has them: room for a batch and for what each other sequence decodes. */
const anyCase = fc
  .constantFrom(0, 3, 15)
  .chain((ahead) =>
    fc.record({
      ahead: fc.constant(ahead),
      pending: fc.array(fc.oneof(anyDecoding(ahead), anyPrompt), { minLength: 1, maxLength: 12 }),
      more: fc.nat(4),
      batch: fc.integer({ min: 1, max: 512 }),
      chunk: fc.integer({ min: 8, max: 1000 }),
      exact: fc.boolean(),
    }),
  )
  .map(({ ahead, pending, more, batch, chunk, exact }) => {
    const others = pending.length + more - 1;
    return { pending, limits: { ...limits, batch, chunk, exact, tokens: batch + others * (1 + ahead) } };
  });

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

test('a pass takes all that decodes, and of prompts never more than the limits allow', () => {
  fc.assert(
    fc.property(anyCase, ({ pending, limits }) => {
      const counts = schedule(pending, limits);
      assert.equal(counts.length, pending.length);
      for (const [i, count] of counts.entries()) {
        const { tokens, decoding } = pending[i] ?? assert.fail();
        if (decoding) assert.equal(count, tokens);
        else assert.ok(Number.isInteger(count) && count >= 0 && count <= Math.min(tokens, limits.batch));
      }
      const prompts = sum(counts.filter((_, i) => !pending[i]?.decoding));
      assert.ok(prompts === 0 || sum(counts) <= limits.tokens);
      const mixed = pending.some(({ decoding }) => decoding);
      if (mixed && !limits.exact) assert.ok(prompts <= limits.chunk);
    }),
  );
});

test('a pass takes a token at least, and of the first prompt too', () => {
  fc.assert(
    fc.property(anyCase, ({ pending, limits }) => {
      const counts = schedule(pending, limits);
      assert.ok(sum(counts) > 0);
      const first = pending.findIndex(({ decoding }) => !decoding);
      assert.ok(first < 0 || (counts[first] ?? 0) > 0);
    }),
  );
});

test('prompts are served in their order: who came later gets what is left', () => {
  fc.assert(
    fc.property(anyCase, ({ pending, limits }) => {
      if (limits.exact) return;
      const counts = schedule(pending, limits);
      const short = pending.findIndex(
        ({ tokens, decoding }, i) => !decoding && (counts[i] ?? 0) < Math.min(tokens, limits.batch),
      );
      if (short < 0) return;
      for (const [i, { decoding }] of pending.entries()) if (i > short && !decoding) assert.equal(counts[i], 0);
    }),
  );
});

test('a sequence gets no less for those that come after it', () => {
  fc.assert(
    fc.property(anyCase, fc.integer({ min: 1, max: 2000 }), ({ pending, limits }, tokens) => {
      const before = schedule(pending, limits);
      const after = schedule([...pending, prompt(tokens)], limits);
      assert.deepEqual(after.slice(0, -1), before);
    }),
  );
});

test('where prompts are divided alike, each gets a batch, its rest or nothing', () => {
  fc.assert(
    fc.property(anyCase, ({ pending, limits }) => {
      for (const [i, count] of schedule(pending, { ...limits, exact: true }).entries()) {
        const { tokens, decoding } = pending[i] ?? assert.fail();
        if (!decoding) assert.ok(count === 0 || count === Math.min(tokens, limits.batch));
      }
    }),
  );
});

test('where prompts are divided alike, all of them are done some time, whoever decodes beside them', () => {
  fc.assert(
    fc.property(anyCase, ({ pending, limits }) => {
      let rest = pending.filter(({ decoding }) => !decoding);
      const others = pending.filter(({ decoding }) => decoding);
      const passes = sum(rest.map(({ tokens }) => Math.ceil(tokens / limits.batch)));
      for (let pass = 0; pass < passes && rest.length > 0; pass += 1) {
        const counts = schedule([...others, ...rest], { ...limits, exact: true });
        rest = rest
          .map(({ tokens }, i) => prompt(tokens - (counts[others.length + i] ?? 0)))
          .filter(({ tokens }) => tokens > 0);
      }
      assert.deepEqual(rest, []);
    }),
  );
});

test('alone, prompts have the whole pass; beside others that decode a chunk of it', () => {
  assert.deepEqual(schedule([prompt(100), prompt(100)], limits), [64, 3]);
  assert.deepEqual(schedule([decoding, prompt(10), prompt(100), decoding], limits), [1, 10, 6, 1]);
  assert.deepEqual(schedule([decoding, prompt(100)], exact), [1, 64]);
  assert.deepEqual(schedule([prompt(100), prompt(5), prompt(3)], exact), [64, 0, 3]);
  assert.deepEqual(schedule([], limits), []);
});

/** The same, where all spans of a pass are of one length; a batch has room for a token and its drafts. */
const anyEvenCase = fc.tuple(anyCase, fc.boolean()).map(([{ pending, limits }, promptsFirst]) => {
  const batch = Math.max(16, limits.batch);
  return {
    pending,
    limits: { ...limits, batch, tokens: limits.tokens + batch - limits.batch, even: true, promptsFirst },
  };
});

test('where spans have to be even, those of a pass are of one length, within the limits', () => {
  fc.assert(
    fc.property(anyEvenCase, ({ pending, limits }) => {
      const counts = schedule(pending, limits);
      const taken = counts.filter((count) => count > 0);
      assert.equal(counts.length, pending.length);
      assert.equal(new Set(taken).size, 1, 'one length, and a token at least');
      assert.ok(sum(counts) <= limits.tokens);
      for (const [i, count] of counts.entries()) {
        const { tokens, decoding } = pending[i] ?? assert.fail();
        if (decoding) assert.ok(count === 0 || count === tokens);
        else assert.ok(count <= Math.min(tokens, limits.batch));
        if (!decoding && limits.exact) assert.ok(count === 0 || count === Math.min(tokens, limits.batch));
      }
    }),
  );
});

/** A request: passes before it comes, tokens of its prompt, and of its answer. */
interface Request {
  readonly arrives: number;
  readonly prompt: number;
  readonly answer: number;
}

const anyRequests = fc.array(
  fc.record({ arrives: fc.nat(40), prompt: fc.integer({ min: 1, max: 200 }), answer: fc.integer({ min: 1, max: 40 }) }),
  { minLength: 1, maxLength: 8 },
);

/** The passes that requests take together, and how many passes each waits for its next tokens at most. */
function simulate(requests: readonly Request[], limits: PassLimits): { passes: number; waited: number } {
  const open = requests.map((request) => ({ ...request, waited: 0 }));
  let [passes, waited, promptsFirst] = [0, 0, false];
  for (let turn = 0; open.some(({ answer }) => answer > 0); turn += 1) {
    const active = open.filter(({ arrives, answer }) => answer > 0 && arrives <= turn);
    if (active.length === 0) continue;
    const pending = active.map(({ prompt }) => (prompt > 0 ? { tokens: prompt, decoding: false } : decoding));
    const counts = schedule(pending, { ...limits, promptsFirst });
    promptsFirst = !promptsFirst;
    passes += 1;
    for (const [i, one] of active.entries()) {
      const count = counts[i] ?? assert.fail();
      one.waited = count > 0 ? 0 : one.waited + 1;
      waited = Math.max(waited, one.prompt > 0 ? 0 : one.waited);
      if (count > 0 && one.prompt <= count) one.answer -= 1;
      one.prompt = Math.max(0, one.prompt - count);
    }
  }
  return { passes, waited };
}

test('even spans of requests together take no more passes than one request after the other, and each gets on', () => {
  fc.assert(
    fc.property(anyRequests, fc.integer({ min: 1, max: 64 }), fc.boolean(), (requests, chunk, exact) => {
      const own = { ...even, tokens: 64 + 7, chunk, exact };
      const { passes, waited } = simulate(requests, own);
      const alone = requests.map((request) => simulate([{ ...request, arrives: 0 }], own).passes);
      assert.ok(passes <= sum(alone), `${passes} passes together, ${sum(alone)} alone`);
      assert.ok(waited <= 1, `${waited} passes between two tokens of an answer`);
    }),
  );
});

test('even spans are of sequences that decode or of prompts, by turns', () => {
  const pending = [decoding, prompt(10), decoding, prompt(100), prompt(10)];
  assert.deepEqual(schedule(pending, even), [1, 0, 1, 0, 0]);
  assert.deepEqual(schedule(pending, { ...even, promptsFirst: true }), [0, 10, 0, 0, 0]);
  assert.deepEqual(schedule(pending, { ...even, chunk: 20, promptsFirst: true }), [0, 10, 0, 0, 10]);
  assert.deepEqual(schedule([decoding, prompt(100), decoding], { ...even, promptsFirst: true }), [0, 16, 0]);
  assert.deepEqual(schedule([decoding, prompt(100)], { ...even, promptsFirst: true }), [0, 64], 'whole beside one');
  assert.deepEqual(schedule([decoding, prompt(1)], even), [1, 1], 'a prompt joins as its length is the same');
  assert.deepEqual(schedule([decoding, { tokens: 3, decoding: true }], even), [0, 3], 'the longest first');
  assert.deepEqual(schedule([prompt(20), prompt(20), prompt(30)], even), [20, 20, 0]);
  assert.deepEqual(schedule([], even), []);
});
