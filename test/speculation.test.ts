import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { nmse } from '../src/base/nmse.ts';
import { type Drafter, noDrafter } from '../src/engine/draft/drafter.ts';
import type { GenerateOptions } from '../src/model/model-options.ts';
import {
  assertAnswer,
  type CollectedAnswer,
  collectAnswer,
  greedy,
  promptOf,
  writeBatchModel,
} from './support/batch-model.ts';
import { storedBytes } from './support/caches.ts';
import { type DraftScript, mixOf, rightOf, ScriptedDrafter, wrongOf } from './support/scripted-drafter.ts';
import { ScriptedEngine, type ScriptedOptions } from './support/scripted-engine.ts';
import { shared } from './support/shared.ts';
import { sharedPath } from './support/temp-folder.ts';

const MiB = 2 ** 20;
const path = writeBatchModel(sharedPath('model.gguf'));
const allTokens = Array.from({ length: 400 }, (_, token) => token);

interface Options extends Partial<ScriptedOptions> {
  /** Under a budget that most of the weights do not fit in. */
  readonly streamed?: boolean;
}

const open = ({ streamed = false, parallel = 1, ahead = 7, ...options }: Options = {}): Promise<ScriptedEngine> => {
  const beside = 1.5 * MiB * parallel + (streamed ? 12 : 64) * MiB;
  return ScriptedEngine.open(path, { context: 256, beside, parallel, ahead, ...options });
};

/** Without drafts, one at a time. */
const plain = shared(await open({ ahead: 0 }));
const { eos = assert.fail() } = plain.vocabulary;

const answerOf = (
  engine: ScriptedEngine,
  prompt: readonly number[],
  drafter: Drafter,
  options: GenerateOptions,
): Promise<CollectedAnswer> => collectAnswer(engine.generate(prompt, drafter, { ...greedy, logprobs: 2, ...options }));
const scripted = (prompt: readonly number[], script: DraftScript): ScriptedDrafter =>
  new ScriptedDrafter(prompt.length, script);

/** Fails unless both are the same, as far as there is no near-tie. */
function assertSame(actual: CollectedAnswer, expected: CollectedAnswer): void {
  const { tokens, text, reason } = expected;
  assertAnswer(actual.tokens, expected, actual.tokens.length);
  if (Math.min(...expected.gaps) < 0.005) return;
  assert.deepEqual([actual.tokens, actual.text, actual.reason], [tokens, text, reason]);
}

const maxTokens = 24;
const prompts = [3, 20, 64, 100, 7, 65].map((length, seed) => promptOf(seed, length));
const promptAt = (i: number): readonly number[] => prompts[i] ?? assert.fail();

/** A request for a prompt: `end` makes an end likely, `stop` is a place in the plain text. */
interface Request {
  readonly i: number;
  readonly most: number;
  readonly end: number;
  readonly stop: number | undefined;
}
const anyRequest: fc.Arbitrary<Request> = fc.record({
  i: fc.nat(prompts.length - 1),
  most: fc.integer({ min: 0, max: maxTokens }),
  end: fc.constantFrom(0, 4, 5, 6),
  stop: fc.option(fc.nat(40), { nil: undefined }),
});

const known = new Map<string, Promise<CollectedAnswer>>();
/** The answer without drafts; asked for once. */
function plainAnswer({ i, end }: Request, options: GenerateOptions): Promise<CollectedAnswer> {
  const key = JSON.stringify([i, end, options.stop, options.maxTokens]);
  const found = known.get(key) ?? answerOf(plain, promptAt(i), noDrafter(), options);
  known.set(key, found);
  return found;
}

async function optionsOf(request: Request): Promise<GenerateOptions> {
  const { most, end, stop } = request;
  const base = { ignoreEnd: false, bias: new Map([[eos, end]]) };
  if (stop === undefined) return { ...base, maxTokens: most };
  const { text } = await plainAnswer(request, { ...base, maxTokens });
  return { ...base, maxTokens: most, stop: [text.slice(stop, stop + 3), 'none'] };
}

for (const streamed of [false, true]) {
  const how = streamed ? 'streamed' : 'resident';

  test(`${how}, whatever is drafted for up to four at once, each answer is the one without drafts`, async () => {
    await using engine = await open({ streamed, parallel: 4 });
    assert.equal(engine.plan.bytesPerPass > 0, streamed);
    const anyVisit = fc.record({ request: anyRequest, right: fc.constantFrom(0, 0.6, 0.95, 1), seed: fc.nat() });
    await fc.assert(
      fc.asyncProperty(fc.array(anyVisit, { minLength: 1, maxLength: 6 }), async (visits) => {
        const before = { ...engine.sums };
        const visit = async ({ request, right, seed }: (typeof visits)[number]): Promise<readonly number[]> => {
          const options = await optionsOf(request);
          const expected = await plainAnswer(request, options);
          const prompt = promptAt(request.i);
          const drafter = scripted(prompt, mixOf(expected.tokens, right, allTokens, seed));
          const generation = engine.generate(prompt, drafter, { ...greedy, logprobs: 2, ...options });
          assertSame(await collectAnswer(generation), expected);
          const { speculation, decode } = generation.stats ?? assert.fail();
          assert.equal(speculation.drafted, drafter.proposed);
          assert.equal(decode.tokens, speculation.passes + speculation.accepted);
          return [speculation.drafted, speculation.accepted, generation.answerTokens];
        };
        const all = await Promise.all(visits.map(visit));
        const { drafted, accepted, answerTokens } = engine.sums;
        assert.deepEqual(
          [drafted - before.drafted, accepted - before.accepted, answerTokens - before.answerTokens],
          [0, 1, 2].map((column) => all.reduce((sum, row) => sum + (row[column] ?? 0), 0)),
        );
      }),
      { numRuns: streamed ? 5 : 8 },
    );
  });
}

test('right drafts make a pass yield all of them and one more, wrong ones change nothing', async () => {
  const [prompt, options] = [promptAt(1), { maxTokens: 41 }];
  const expected = await answerOf(plain, prompt, noDrafter(), options);
  for (const [ahead, passes] of [
    [7, 5],
    [39, 1],
  ] as const) {
    await using engine = await open({ ahead });
    assertSame(await answerOf(engine, prompt, scripted(prompt, rightOf(expected.tokens)), options), expected);
    assert.equal(engine.sums.passes, 1 + passes);
    assert.deepEqual([engine.sums.drafted, engine.sums.accepted], [40 - passes, 40 - passes]);
    assertSame(await answerOf(engine, prompt, scripted(prompt, wrongOf(expected.tokens)), options), expected);
    assert.equal(engine.sums.passes, 1 + passes + 41);
    assert.equal(engine.sums.accepted, 40 - passes);
  }
});

test('what is chosen by chance is the same with drafts, right or wrong', async () => {
  await using engine = await open({ parallel: 4 });
  const one = async (seed: number): Promise<void> => {
    const prompt = promptAt(seed % prompts.length);
    const options = { temperature: 1.2, topK: 30, repeatPenalty: 1.1, seed, maxTokens };
    const expected = await answerOf(plain, prompt, noDrafter(), options);
    const { tokens } = expected;
    for (const script of [rightOf(tokens), mixOf(tokens, 0.8, allTokens, seed), mixOf([], 0, allTokens, seed)]) {
      const answer = await answerOf(engine, prompt, scripted(prompt, script), options);
      assert.deepEqual([answer.tokens, answer.text], [tokens, expected.text]);
    }
  };
  await Promise.all([0, 1, 2, 3].map(one));
});

test('answers fill the context to its end as without drafts, also one that is shorter than a draft', async () => {
  const prompt = promptOf(5, 5);
  const whole = { maxTokens: 999 };
  for (const context of [64, 8]) {
    await using alone = await open({ context, ahead: 0 });
    const expected = await answerOf(alone, prompt, noDrafter(), whole);
    assert.deepEqual([expected.tokens.length, expected.reason], [context - 5 + 1, 'length']);
    await using engine = await open({ context, ahead: 15 });
    for (const script of [rightOf(expected.tokens), mixOf(expected.tokens, 0.8, allTokens, 1)]) {
      assertSame(await answerOf(engine, prompt, scripted(prompt, script), whole), expected);
    }
  }
});

/** Keys and values of each token, layer by layer: float16. */
function storedIn(engine: ScriptedEngine, tokens: number): readonly Float32Array[] {
  const cache = engine.runtime.caches.all[0] ?? assert.fail();
  return storedBytes(cache, tokens).flatMap((area) => {
    const halves = new Uint16Array(area.slice().buffer);
    const width = halves.length / tokens;
    const rows = Array.from({ length: tokens }, (_, token) => halves.subarray(width * token, width * (token + 1)));
    return rows.map((row) => Float32Array.from(row, fromHalf));
  });
}

/** A float16, not subnormal, as a number. */
const fromHalf = (bits: number): number =>
  (bits & 0x8000 ? -1 : 1) * (1 + (bits & 0x3ff) / 1024) * 2 ** (((bits >> 10) & 31) - 15);

test('what is stored after wrong drafts is what is stored without, and a later prompt goes on from it', async () => {
  const [prompt, turn] = [promptAt(3), promptOf(9, 30)];
  await using engine = await open({ kernels: 'auto' });
  await using other = await open({ kernels: 'auto', ahead: 0 });
  for (const seed of [1, 2]) {
    const script = mixOf([], 0, allTokens, seed);
    const first = await answerOf(engine, prompt, scripted(prompt, script), { maxTokens });
    assertAnswer(first.tokens, await answerOf(other, prompt, noDrafter(), { maxTokens }), maxTokens, 0.1);
    const kept = prompt.length + maxTokens - 1;
    if (seed === 1) {
      const expected = storedIn(other, kept);
      for (const [i, row] of storedIn(engine, kept).entries()) assert.ok(nmse(row, expected[i] ?? row) < 0.01);
    }
    const whole = [...prompt, ...first.tokens, seed, ...turn];
    const next = await answerOf(engine, whole, scripted(whole, script), { maxTokens });
    assert.equal(next.cached, kept);
    assertAnswer(next.tokens, await answerOf(other, whole, noDrafter(), { maxTokens }), maxTokens, 0.1);
  }
  const { drafted, accepted } = engine.sums;
  assert.ok(drafted > 200 && accepted < drafted / 10, `${accepted} of ${drafted}`);
});

test('an abort in the middle of a pass leaves no draft behind, and the next answers are right', async () => {
  await using engine = await open({ parallel: 2, streamed: true });
  const prompt = promptAt(1);
  const expected = await answerOf(plain, prompt, noDrafter(), { maxTokens });
  const someOf = (right: number, seed: number): ScriptedDrafter =>
    scripted(prompt, mixOf(expected.tokens, right, allTokens, seed));
  for (const [seed, at] of [1, 5, 17].entries()) {
    const { drafted, accepted } = engine.sums;
    const cut = async (later: number): Promise<readonly [number, number]> => {
      const abort = new AbortController();
      const script = mixOf(expected.tokens, 0.5, allTokens, seed);
      const drafter = scripted(prompt, (most, answered) => {
        if (answered >= at + later) abort.abort();
        return script(most, answered);
      });
      const { signal } = abort;
      const generation = engine.generate(prompt, drafter, { ...greedy, maxTokens: 200, logprobs: 2, signal });
      await collectAnswer(generation);
      assert.equal(generation.stopReason, 'cancelled');
      return [drafter.proposed, generation.stats?.speculation.accepted ?? 0];
    };
    const [one, other] = await Promise.all([cut(0), cut(3)]);
    const both = await Promise.all(
      [0.5, 1].map((right) => answerOf(engine, prompt, someOf(right, seed), { maxTokens: 1 })),
    );
    assert.ok(engine.sums.drafted - drafted <= one[0] + other[0]);
    assert.equal(engine.sums.accepted - accepted, one[1] + other[1]);
    for (const { tokens } of both) assert.deepEqual(tokens, expected.tokens.slice(0, 1));
    const answers = [0.5, 1].map((right) => answerOf(engine, prompt, someOf(right, seed), { maxTokens }));
    for (const answer of await Promise.all(answers)) assertSame(answer, expected);
  }
});

test('an engine that drafts no more than pays answers the same', async () => {
  await using engine = await open({ adaptive: true, ahead: 15, parallel: 4 });
  const one = async (seed: number): Promise<number> => {
    const prompt = promptAt(seed);
    const expected = await answerOf(plain, prompt, noDrafter(), { maxTokens });
    const drafter = scripted(prompt, mixOf(expected.tokens, 0.8, allTokens, seed));
    assertSame(await answerOf(engine, prompt, drafter, { maxTokens }), expected);
    return drafter.proposed;
  };
  const proposed = await Promise.all([0, 1, 2, 3].map(one));
  assert.ok(Math.max(...proposed) > 0, 'before anything is known it tries');
});
