import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { DraftEngine } from '../src/engine/draft/draft-engine.ts';
import { type Drafter, noDrafter } from '../src/engine/draft/drafter.ts';
import { Engine } from '../src/engine/engine.ts';
import { Generation } from '../src/engine/generation.ts';
import { Sequence } from '../src/engine/sequence.ts';
import { readSession, restoreSession, saveSession } from '../src/model/session-files.ts';
import type { Runtime } from '../src/runtime/runtime.ts';
import { Sampler } from '../src/sample/sampler.ts';
import { CachePool } from '../src/state/cache-pool.ts';
import type { PrefixStore } from '../src/state/prefix.ts';
import { PrefixFiles } from '../src/state/prefix-files.ts';
import { PrefixMemory } from '../src/state/prefix-memory.ts';
import { SequenceCache } from '../src/state/sequence-cache.ts';
import { TokenList } from '../src/text/token-list.ts';
import { openBatchModel, writeBatchModel } from './support/batch-model.ts';
import { smallShape } from './support/caches.ts';
import { outputOf } from './support/output-of.ts';
import { nextHash, RecurrentStates } from './support/recurrent-state.ts';
import { mixOf, ScriptedDrafter, wrongOf } from './support/scripted-drafter.ts';
import { shared } from './support/shared.ts';
import { sharedPath, tempFolder } from './support/temp-folder.ts';

const model = shared(openBatchModel(writeBatchModel(sharedPath('model.gguf'))));
const { vocabulary } = model;
const opened = await model.start();
const context = 96;
const shape = smallShape(context);
const { form } = shared(new RecurrentStates(shape));
const [batch, ahead] = [16, 5];
const words = [97, 98, 99, 100, 32, 101];

/** The logits that follow from a state. */
function logitsOf(hash: number): Float32Array {
  const logits = new Float32Array(vocabulary.size).fill(-30);
  logits[words[hash % words.length] ?? assert.fail()] = 1;
  return logits;
}

/** The answer to a prompt, by the tokens alone. */
function answerTo(prompt: readonly number[], most: number): readonly number[] {
  const text = [...prompt];
  let hash = prompt.reduce(nextHash, 0);
  while (text.length < prompt.length + most && text.length < context + 1) {
    const token = words[hash % words.length] ?? assert.fail();
    text.push(token);
    hash = nextHash(hash, token);
  }
  return text.slice(prompt.length);
}

/** A runtime whose layers are rows and one recurrent state, computed by a script. */
interface Recurrent extends Disposable {
  readonly runtime: Runtime;
  readonly caches: CachePool;
  /** Tokens of each span so far. */
  readonly computed: number[];
  /** Tokens until a pass fails in the middle; none does if it is Infinity. */
  failsIn: number;
}

function openRecurrent(places: number, stores: readonly PrefixStore[] = []): Recurrent {
  const all = Array.from({ length: places }, () => new SequenceCache(new RecurrentStates(shape)));
  const caches = new CachePool(all, { stores, exactBatch: undefined });
  const limits = {
    batch,
    tokens: batch + (places - 1) * (1 + ahead),
    exact: false,
    even: false,
    ahead,
    adaptive: false,
  };
  const recurrent = { caches, computed: [] as number[], failsIn: Number.POSITIVE_INFINITY };
  const run: Runtime['run'] = async (spans, { signal } = {}) => {
    const rows: Float32Array[] = [];
    let tokensInAll = 0;
    for (const { state: states, start, tokens, logits } of spans) {
      const state = RecurrentStates.of(states);
      assert.equal(state.position, start, 'a span begins where its state is');
      tokensInAll += tokens.length;
      for (const [i, token] of tokens.entries()) {
        await nextTurn();
        signal?.throwIfAborted();
        recurrent.failsIn -= 1;
        if (recurrent.failsIn === 0) throw new Error('made up');
        state.step(token);
        if (logits === 'all' || i === tokens.length - 1) rows.push(logitsOf(state.hash));
      }
      recurrent.computed.push(tokens.length);
    }
    assert.ok(tokensInAll <= limits.tokens, `${tokensInAll} tokens in a pass`);
    const sum = new Float32Array(rows.length * vocabulary.size);
    for (const [i, row] of rows.entries()) sum.set(row, i * vocabulary.size);
    return sum;
  };
  const releases: Promise<void>[] = [];
  const runtime: Runtime = Object.create(opened, {
    caches: { value: caches },
    limits: { value: limits },
    plan: { value: { ...opened.plan, context } },
    load: { value: () => Promise.resolve() },
    release: {
      value: (cache: SequenceCache, done: () => void) => releases.push(caches.release(cache, stores[1]).then(done)),
    },
    allReleased: { value: () => Promise.all(releases) },
    loadSeconds: { value: 0 },
    bytesWritten: { value: 0 },
    run: { value: run },
  });
  return Object.assign(recurrent, {
    runtime,
    [Symbol.dispose]: () => {
      for (const cache of all) cache[Symbol.dispose]();
    },
  });
}

function generate(
  engine: Engine,
  prompt: readonly number[],
  { maxTokens, drafter = noDrafter(), signal }: { maxTokens: number; drafter?: Drafter; signal?: AbortSignal },
): Generation {
  const sequence = new Sequence({
    prompt,
    vocabulary,
    newSampler: () => new Sampler(vocabulary.size, { temperature: 0 }),
    newDrafter: () => drafter,
    output: outputOf(vocabulary, []),
    maxTokens,
    longest: Number.POSITIVE_INFINITY,
    ignoreEnd: true,
    logprobs: undefined,
  });
  return new Generation(sequence, engine, { signal });
}

const engineOf = ({ runtime }: Recurrent): Engine => new Engine(() => Promise.resolve(runtime));

async function tokensOf(generation: Generation): Promise<readonly number[]> {
  for await (const _ of generation);
  return generation.tokens;
}

const anyQuestion = fc.record({
  /** An earlier text that the prompt begins with, as far as it is not cut off. */
  earlier: fc.nat(5),
  cut: fc.oneof(fc.constant(0), fc.nat(40)),
  more: fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 30 }),
  maxTokens: fc.integer({ min: 0, max: 25 }),
  right: fc.constantFrom(0, 0.5, 0.9, 1),
  leavesAfter: fc.option(fc.nat(6)),
});
const anyRound = fc.record({
  questions: fc.array(anyQuestion, { minLength: 1, maxLength: 3 }),
  failsIn: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 1, max: 60 })),
});

test('with a state that cannot be cut, every answer is what it would be anew, whatever is reused, drafted, left or fails', async () => {
  using folder = tempFolder();
  const outcomes = { cached: 0, drafted: 0, left: 0, failed: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(anyRound, { minLength: 1, maxLength: 5 }), fc.nat(), async (rounds, seed) => {
      using memory = new PrefixMemory(40_000);
      const warn = (reason: Error): never => assert.fail(reason);
      const files = await PrefixFiles.open(folder.path, { identity: `${seed}`, form, capacity: 40_000, warn });
      using recurrent = openRecurrent(2, [memory, files]);
      const engine = engineOf(recurrent);
      const texts: (readonly number[])[] = [];
      for (const { questions, failsIn } of rounds) {
        recurrent.failsIn = failsIn;
        const answers = questions.map(async ({ earlier, cut, more, maxTokens, right, leavesAfter }) => {
          const before = texts[earlier] ?? [];
          const prompt = [...before.slice(0, Math.max(0, before.length - cut)), ...more].slice(-60);
          const expected = answerTo(prompt, maxTokens);
          const leaving = new AbortController();
          const drafter = new ScriptedDrafter(prompt.length, mixOf(expected, right, words, seed));
          const generation = generate(engine, prompt, { maxTokens, drafter, signal: leaving.signal });
          try {
            for await (const _ of generation) if (generation.answerTokens > (leavesAfter ?? 99)) leaving.abort();
          } catch (error) {
            assert.match(`${error}`, /made up/);
            outcomes.failed += 1;
          }
          const { tokens, stats, stopReason } = generation;
          assert.deepEqual(tokens, expected.slice(0, tokens.length));
          if (stopReason === 'length') assert.equal(tokens.length, expected.length);
          outcomes.cached += stats?.prefill.cached ?? 0;
          outcomes.drafted += stats?.speculation.drafted ?? 0;
          outcomes.left += stopReason === 'cancelled' ? 1 : 0;
          texts.push([...prompt, ...tokens]);
        });
        await Promise.all(answers);
      }
      await engine.close(new Error('closed'));
      await recurrent.runtime.allReleased();
    }),
    { numRuns: 60 },
  );
  for (const [what, count] of Object.entries(outcomes)) assert.ok(count > 20, `${what}: ${count}`);
});

test('a text goes on from its end, or from where its prompt ended, and is computed anew from anywhere else', async () => {
  using recurrent = openRecurrent(1);
  const engine = engineOf(recurrent);
  const prompt = Array.from({ length: 20 }, (_, i) => words[i % 5] ?? 0);
  const first = await tokensOf(generate(engine, prompt, { maxTokens: 6 }));
  const cachedFor = async (tokens: readonly number[]): Promise<number> => {
    const generation = generate(engine, tokens, { maxTokens: 2 });
    assert.deepEqual(await tokensOf(generation), answerTo(tokens, 2));
    return generation.stats?.prefill.cached ?? assert.fail();
  };
  assert.equal(await cachedFor([...prompt, ...first, 101, 101]), 25, 'the last token of an answer is not stored');
  assert.equal(await cachedFor([...prompt, ...first, 101, 101, 32]), 28, 'where the prompt ended');
  assert.equal(await cachedFor([...prompt, 7]), 0);
});

test('a draft that is rejected is taken back to where its pass began; what was accepted of it is part of the next pass', async () => {
  using recurrent = openRecurrent(1);
  const prompt = [97, 98, 99];
  const expected = answerTo(prompt, 12);
  /** Two right tokens, and two wrong ones. */
  const script = (most: number, answered: number): readonly number[] =>
    [...expected.slice(answered, answered + 2), ...wrongOf(expected)(2, answered + 2)].slice(0, most);
  const generation = generate(engineOf(recurrent), prompt, {
    maxTokens: 12,
    drafter: new ScriptedDrafter(prompt.length, script),
  });
  assert.deepEqual(await tokensOf(generation), expected);
  // 1 + 4, then 3 that belong to the text and 3 draft tokens, of which two are accepted, ...
  assert.deepEqual(recurrent.computed.slice(0, 3), [3, 5, 6]);
  assert.ok(recurrent.computed.every((tokens) => tokens <= 1 + ahead));
});

test('a session keeps such a state, and goes on from it in another process', async () => {
  using folder = tempFolder();
  const path = folder.file('talk.kv');
  const prompt = Array.from({ length: 30 }, (_, i) => words[i % 4] ?? 0);
  let text: readonly number[] = [];
  {
    using recurrent = openRecurrent(1);
    text = [...prompt, ...(await tokensOf(generate(engineOf(recurrent), prompt, { maxTokens: 5 })))];
    await saveSession({ caches: recurrent.caches, identity: 'a model' }, path, 'about');
  }
  for (const [asked, cached] of [
    [[...text, 32], text.length - 1],
    [[...prompt, 32], prompt.length],
  ] as const) {
    using recurrent = openRecurrent(1);
    const saved = (await readSession(path)) ?? assert.fail();
    assert.deepEqual(saved.snapshots, [prompt.length]);
    assert.ok(await restoreSession({ caches: recurrent.caches, identity: 'a model' }, saved, 400));
    const generation = generate(engineOf(recurrent), asked, { maxTokens: 4 });
    assert.deepEqual(await tokensOf(generation), answerTo(asked, 4));
    assert.equal(generation.stats?.prefill.cached, cached);
  }
});

test('a draft model with such a state drafts as one that reads the text anew', async () => {
  const anyEdit = fc.record({
    cut: fc.nat(6),
    right: fc.nat(5),
    more: fc.array(fc.constantFrom(...words), { maxLength: 8 }),
    most: fc.integer({ min: 1, max: 5 }),
    failsIn: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.integer({ min: 1, max: 12 })),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(anyEdit, { minLength: 1, maxLength: 5 }), async (edits) => {
      using recurrent = openRecurrent(1);
      const engine = new DraftEngine(recurrent.runtime, vocabulary.size);
      const cache = (await engine.acquire([])) ?? assert.fail();
      let text: readonly number[] = [97, 98, 99, 100];
      let last: readonly number[] = [];
      for (const { cut, right, more, most, failsIn } of edits) {
        recurrent.failsIn = failsIn;
        text = [...[...text, ...last.slice(0, right)].slice(0, text.length + right - cut), ...more].slice(-60);
        if (text.length === 0) text = [97];
        const request = { cache, text: TokenList.from(text), most, cancelled: () => false };
        const proposed = engine.propose({ ...request, draft: (logits) => ({ token: logits.indexOf(1) }) });
        const drafted = await proposed.catch((error) => assert.match(`${error}`, /made up/));
        if (!drafted) continue;
        last = drafted.map(({ token }) => token);
        assert.deepEqual(last, answerTo(text, most));
      }
    }),
    { numRuns: 100 },
  );
});
