import assert from 'node:assert/strict';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { randomNumbers } from '../../test/support/random.ts';
import { rounds } from '../../test/support/rounds.ts';
import { Automaton } from '../grammar/automaton.ts';
import { parseGbnf } from '../grammar/gbnf.ts';
import { TokenGrammar } from '../grammar/token-grammar.ts';
import { TokenIndex } from '../grammar/token-index.ts';
import { probabilityOf } from './distribution.ts';
import { LogitsChain } from './logits-chain.ts';
import { Sampler } from './sampler.ts';
import type { PartialSamplingOptions } from './sampling-options.ts';
import type { DraftToken } from './token-rng.ts';

const vocabulary = 8;

/** Logits for the token after a text. */
type Logits = (text: readonly number[]) => Float32Array;

/** The last two tokens of a text as one number; before its start there were zeros. */
const lastTwo = (text: readonly number[]): number => vocabulary * (text.at(-2) ?? 0) + (text.at(-1) ?? 0);

const byLastTwo =
  (table: Float32Array): Logits =>
  (text) =>
    table.slice(vocabulary * lastTwo(text), vocabulary * (lastTwo(text) + 1));

const numbers = randomNumbers(1);
const table = Float32Array.from({ length: vocabulary ** 3 }, () => 4 * numbers() - 2);
const target = byLastTwo(table);
/** A draft model like the target, and far enough from it to be wrong every now and then. */
const draft = byLastTwo(table.map((logit) => logit + 2 * numbers()));

/** Drafts of the next tokens, in their order. */
type Drafter = (sampler: Sampler, text: number[]) => readonly DraftToken[];

const byModel =
  (count: number, logits: Logits = draft): Drafter =>
  (sampler, text) => {
    const drafts: DraftToken[] = [];
    for (let i = 0; i < count; i += 1) {
      const drafted = sampler.draft(logits(text), text);
      drafts.push(drafted);
      text.push(drafted.token);
    }
    text.length -= count;
    return drafts;
  };

/** Drafts that are not drawn: the tokens of some time ago. */
const byRepetition =
  (count: number): Drafter =>
  (_, text) =>
    text.slice(-9, -9 + count).map((token) => ({ token }));

/** None to four draft tokens of one kind or the other. */
const byTurns: Drafter = (sampler, text) => {
  const drafter = text.length % 7 < 2 ? byRepetition : byModel;
  return drafter(text.length % 5)(sampler, text);
};

const byNothing: Drafter = () => [];

/**
 * A text, a pass at a time: draft tokens are verified until one is rejected; if none is, another token comes for free.
 */
function write(sampler: Sampler, drafter: Drafter, atLeast: number) {
  const text: number[] = [];
  let [drafted, right, passes] = [0, 0, 0];
  while (text.length < atLeast) {
    const drafts = drafter(sampler, text);
    passes += 1;
    drafted += drafts.length;
    for (const drafted of [...drafts, undefined]) {
      const token = sampler.sample(target(text), text, drafted);
      text.push(token);
      if (token !== drafted?.token) break;
      right += 1;
    }
  }
  return { text: text.slice(0, atLeast), drafted, right, passes };
}

interface Setting {
  readonly sampling: PartialSamplingOptions;
  readonly bias?: ReadonlyMap<number, number>;
  readonly grammar?: TokenGrammar;
}

const none: ReadonlyMap<number, number> = new Map();
const everything: PartialSamplingOptions = { temperature: 1, topK: 0, topP: 1, minP: 0 };

/** Tokens of a text that is compared with what is likely, and of one that is compared with another. */
const fairTokens = rounds(30_000, 100_000);
const seededTokens = rounds(3000, 10_000);

/**
 * Fails where the counts of the tokens after each two tokens are as far from the target's as those of one in 100
 * thousand fair texts at most (chi-square; a bound of Laurent & Massart). Tokens that are expected seldom are left out.
 */
function assertFollows(text: readonly number[], { sampling, bias = none, grammar }: Setting): void {
  using sampler = new LogitsChain(vocabulary, sampling);
  const counts = new Float64Array(vocabulary ** 3);
  for (let i = 2; i < text.length; i += 1) {
    const at = vocabulary * lastTwo(text.slice(i - 2, i)) + (text[i] ?? 0);
    counts[at] = (counts[at] ?? 0) + 1;
  }
  let [chiSquare, freedom] = [0, 0];
  for (let pair = 0; pair < vocabulary ** 2; pair += 1) {
    const before = [Math.floor(pair / vocabulary), pair % vocabulary];
    const logits = target(before).map((logit, token) => logit + (bias.get(token) ?? 0));
    const allowed = grammar?.allowed(grammar.after(grammar.start, pair % vocabulary));
    const distribution = sampler.distribution(logits, before, allowed);
    const row = counts.subarray(vocabulary * pair, vocabulary * (pair + 1));
    const times = row.reduce((sum, count) => sum + count, 0);
    for (const [token, count] of row.entries()) {
      const probability = probabilityOf(distribution, token);
      assert.ok(count === 0 || probability > 0, `${token} is impossible after ${before}`);
      if (times * probability < 5) continue;
      chiSquare += (count - times * probability) ** 2 / (times * probability);
      freedom += 1 - probability;
    }
  }
  const x = Math.log(100_000);
  assert.ok(freedom > 50, 'there is too little to compare');
  assert.ok(chiSquare <= freedom + 2 * Math.sqrt(freedom * x) + 2 * x, `${chiSquare} of ${freedom}`);
}

const letter = (token: number): string => 'abcdefgh'.charAt(token);

/** A grammar by which about two thirds of the tokens may follow a token. */
const rules = Array.from({ length: vocabulary }, (_, token) => {
  const nexts = Array.from({ length: vocabulary }, (_, next) => next).filter((next) => (token + next) % 3 !== 0);
  return `after-${letter(token)} ::= "" | ${nexts.map((next) => `"${letter(next)}" after-${letter(next)}`).join(' | ')}`;
});
const twoThirds = new TokenGrammar(
  new Automaton(
    parseGbnf([...rules, `root ::= ${[...'abcdefgh'].map((one) => `"${one}" after-${one}`).join(' | ')}`].join('\n')),
    { named: () => undefined, controlAt: () => undefined },
  ),
  TokenIndex.of({
    size: vocabulary,
    piece: (token) => Buffer.from(letter(token)),
    isControl: () => false,
    isEndOfGeneration: () => false,
    tokenize: () => [],
  }),
);

// Models that all look at two tokens at most, so that these alone decide the next one.
const settings: Readonly<Record<string, Setting>> = {
  'temperature 1': { sampling: everything },
  'top-k': { sampling: { ...everything, topK: 3 } },
  'top-p': { sampling: { ...everything, topP: 0.8, temperature: 1.5 } },
  'min-p': { sampling: { ...everything, minP: 0.15, temperature: 0.7 } },
  penalties: {
    sampling: { ...everything, repeatPenalty: 1.5, presencePenalty: 0.5, frequencyPenalty: 0.3, repeatLastN: 2 },
  },
  'a bias': {
    sampling: { ...everything, topK: 5 },
    bias: new Map([
      [1, 1.5],
      [4, -100],
      [6, -1],
    ]),
  },
  'a grammar': { sampling: { ...everything, topK: 3, topP: 0.95 }, grammar: twoThirds },
};

/** A sampler with a seed in `sampling`, or else with the same random numbers each time. */
const chooserOf = ({ sampling, bias, grammar }: Setting): Sampler =>
  new Sampler(vocabulary, sampling, { bias, grammar, random: randomNumbers(3) });

/** A text, as `write` makes it. */
function written(setting: Setting, drafter: Drafter, atLeast: number): readonly number[] {
  using sampler = chooserOf(setting);
  return write(sampler, drafter, atLeast).text;
}

for (const [what, setting] of Object.entries(settings)) {
  test(`without a seed, tokens follow each other as they should, with and without drafts: ${what}`, () => {
    for (const drafter of [byNothing, byTurns]) assertFollows(written(setting, drafter, fairTokens), setting);
  });

  test(`with a seed, drafts change nothing of a text: ${what}`, () => {
    const seeded = { ...setting, sampling: { ...setting.sampling, seed: 11 } };
    const text = written(seeded, byNothing, seededTokens);
    for (const drafter of [byTurns, byModel(3), byRepetition(4)]) {
      assert.deepEqual(written(seeded, drafter, seededTokens), text);
    }
  });

  test(`drafts by the model itself are all right: ${what}`, () => {
    for (const seed of [undefined, 12]) {
      using sampler = chooserOf({ ...setting, sampling: { ...setting.sampling, seed } });
      const { drafted, right } = write(sampler, byModel(3, target), 3000);
      assert.equal(right, drafted);
      assert.ok(drafted >= 2000);
    }
  });
}

test('with a seed, tokens follow each other as they should', () => {
  const setting = { sampling: { ...everything, seed: 13 } };
  assertFollows(written(setting, byNothing, fairTokens), setting);
});

test('tokens that follow each other as the draft would have them are noticed', () => {
  using sampler = new Sampler(vocabulary, everything, { random: randomNumbers(4) });
  const text: number[] = [];
  while (text.length < fairTokens) text.push(sampler.draft(draft(text), text).token);
  assert.throws(() => assertFollows(text, { sampling: everything }), assert.AssertionError);
});

test('with a seed and penalties for many tokens, drafts change nothing of a text', () => {
  const sampling = { seed: 14, repeatPenalty: 1.1, frequencyPenalty: 0.05, repeatLastN: 64 };
  const text = written({ sampling }, byNothing, 3000);
  for (const drafter of [byTurns, byModel(5)]) assert.deepEqual(written({ sampling }, drafter, 3000), text);
});

test('at temperature 0, a text is the same with and without drafts, and with any seed', () => {
  const sampling = { temperature: 0, repeatPenalty: 1.3, frequencyPenalty: 0.1 };
  const text = written({ sampling }, byNothing, 1000);
  for (const drafter of [byTurns, byModel(5)]) {
    assert.deepEqual(written({ sampling }, drafter, 1000), text);
    assert.deepEqual(written({ sampling: { ...sampling, seed: 15 } }, drafter, 1000), text);
  }
});

test('most drafts by a model that is much alike are right', () => {
  for (const seed of [undefined, 16]) {
    using sampler = chooserOf({ sampling: { ...everything, seed } });
    const { text, passes } = write(sampler, byModel(4), 20_000);
    assert.ok(text.length > 2.5 * passes, `${text.length / passes} tokens a pass`);
  }
});

test('the same seed gives the same text, another one another, and none another each time', () => {
  const text = (seed?: number): readonly number[] => {
    using sampler = new Sampler(vocabulary, { ...everything, seed });
    return write(sampler, byTurns, 200).text;
  };
  assert.deepEqual(text(7), text(7));
  assert.notDeepEqual(text(7), text(8));
  assert.notDeepEqual(text(), text());
});

test('a bias is added to the logits that are chosen and drafted by, before the penalties', () => {
  const bias = new Map([
    [3, 6],
    [9, 100],
  ]);
  const best = (repeatPenalty: number): readonly number[] => {
    using sampler = new Sampler(4, { temperature: 0, repeatPenalty }, { bias });
    const logits = (): Float32Array => Float32Array.of(4, 1, 0, -1);
    return [sampler.sample(logits(), [3]), sampler.draft(logits(), [3]).token];
  };
  assert.deepEqual(best(1), [3, 3]);
  // 5 / 1.2 is more than 4, as (-1) * 1.2 + 6 would be at 1.6 too
  assert.deepEqual(best(1.2), [3, 3]);
  assert.deepEqual(best(1.6), [0, 0]);
});

test('a draft keeps the probabilities of 1024 tokens at most, the likeliest', () => {
  const logits = Float32Array.from({ length: 5000 }, (_, i) => Math.sin(i * i));
  const bound = logits.toSorted().at(-1024) ?? 0;
  for (const [topK, kept] of [
    [0, 1024],
    [3000, 1024],
    [40, 40],
  ] as const) {
    using sampler = new Sampler(5000, { ...everything, topK });
    const { drawnFrom } = sampler.draft(logits, []);
    assert.equal(drawnFrom?.tokens.length, kept);
    assert.ok(drawnFrom?.tokens.every((token) => (logits[token] ?? 0) >= bound));
    using all = new LogitsChain(5000, { ...everything, topK });
    assert.equal(all.distribution(logits, []).tokens.length, topK === 0 ? 5000 : topK);
  }
});

test('a sampling option that makes no sense is refused', () => {
  assert.throws(() => new Sampler(4, { topP: 2 }), engineError('BAD_OPTION'));
});
