import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { TokenList } from '../text/token-list.ts';
import { idleOptions, idleReason } from './idle-options.ts';
import { LogitsChain } from './logits-chain.ts';
import type { PartialSamplingOptions } from './sampling-options.ts';

const wordsOf = (given: PartialSamplingOptions, usual?: PartialSamplingOptions): readonly string[] =>
  idleOptions(given, usual).map((idle) => idleReason(idle, { all: { ...usual, ...given }, nameOf: (name) => name }));

test('an option that cannot act is named, with the one that it lacks or that takes its place', () => {
  const cases: readonly (readonly [PartialSamplingOptions, ...string[]])[] = [
    [{ mirostatTau: 3 }, 'mirostatTau changes nothing without mirostat'],
    [{ mirostatTau: 3, mirostatEta: 0.2, mirostat: 2 }],
    [{ mirostat: 2, topK: 20, minP: 0 }, 'topK changes nothing beside mirostat 2'],
    [{ mirostat: 1, repeatPenalty: 1.2 }, 'repeatPenalty changes nothing beside mirostat 1'],
    [{ temperature: 0, topP: 0.5 }, 'topP changes nothing beside temperature 0'],
    [{ temperature: 0, topP: 1, repeatPenalty: 1.1, seed: 7 }],
    [{ dryBase: 2 }, 'dryBase changes nothing without dryMultiplier'],
    [{ drySequenceBreakers: [';'], dryMultiplier: 1 }],
    [{ dryMultiplier: 1, dryPenaltyLastN: 0 }, 'dryMultiplier changes nothing beside dryPenaltyLastN 0'],
    [{ xtcThreshold: 0.2 }, 'xtcThreshold changes nothing without xtcProbability'],
    [{ xtcProbability: 0.2, xtcThreshold: 0.6 }, 'xtcProbability changes nothing beside xtcThreshold 0.6'],
    [{ dynatempExponent: 2 }, 'dynatempExponent changes nothing without dynatempRange'],
    [{ repeatLastN: 32 }, 'repeatLastN changes nothing without repeatPenalty, presencePenalty or frequencyPenalty'],
    [{ repeatLastN: 0, presencePenalty: 1 }, 'presencePenalty changes nothing beside repeatLastN 0'],
    [{ temperature: undefined, topK: undefined }],
  ];
  for (const [given, ...expected] of cases) assert.deepEqual(wordsOf(given), expected, JSON.stringify(given));
});

test("what a model's file recommends counts as given beside it, but is not named itself", () => {
  assert.deepEqual(wordsOf({ mirostatTau: 3 }, { mirostat: 2, topK: 7 }), []);
  assert.deepEqual(wordsOf({ topK: 7 }, { mirostat: 2 }), ['topK changes nothing beside mirostat 2']);
});

const some = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(values, { nil: undefined });
const share = fc.constantFrom(0, 0.1, 0.4, 0.6, 1);
const arbitraryOptions: fc.Arbitrary<PartialSamplingOptions> = fc.record({
  temperature: some(fc.constantFrom(0, 0.5, 1)),
  dynatempRange: some(fc.constantFrom(0, 0.4)),
  dynatempExponent: some(fc.constantFrom(1, 2)),
  topNSigma: some(fc.constantFrom(0, 1)),
  topK: some(fc.constantFrom(0, 3)),
  typicalP: some(share),
  topP: some(share),
  minP: some(share),
  xtcProbability: some(fc.constantFrom(0, 1)),
  xtcThreshold: some(share),
  repeatPenalty: some(fc.constantFrom(1, 1.5)),
  presencePenalty: some(fc.constantFrom(0, 1)),
  repeatLastN: some(fc.constantFrom(0, 4)),
  mirostat: some(fc.constantFrom(0, 2)),
});

test('an idle option can be left out: every token is as likely as before', () => {
  const text = new TokenList();
  for (const token of [1, 2, 2, 5]) text.push(token);
  const probabilities = (options: PartialSamplingOptions, logits: Float32Array): readonly (readonly number[])[] => {
    using chain = new LogitsChain(logits.length, { ...options, seed: 1 });
    const { tokens, probabilities } = chain.distribution(logits, text);
    return Array.from(tokens, (token, i) => [token, probabilities[i] as number]).sort(([a = 0], [b = 0]) => a - b);
  };
  const logits = fc.array(fc.integer({ min: -40, max: 40 }), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(arbitraryOptions, logits, (given, numbers): void => {
      const values = Float32Array.from(numbers, (number) => number / 8);
      const whole = probabilities(given, values);
      for (const { option } of idleOptions(given)) {
        assert.deepEqual(probabilities({ ...given, [option]: undefined }, values), whole, option);
      }
    }),
  );
});
