import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { tinySentencePiece, writeVocabulary } from '../../bench/tiny-vocabulary.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import { Vocabulary } from '../text/vocabulary.ts';
import { probabilityOf } from './distribution.ts';
import { DryStages } from './dry-stages.ts';
import { LogitsChain } from './logits-chain.ts';
import { type PartialSamplingOptions, samplingOptions } from './sampling-options.ts';

const tiny = tinySentencePiece();
const path = sharedFolder().file('model.gguf');
writeVocabulary(path, tiny);
const vocabulary = Vocabulary.open(path);
const stages = new DryStages(vocabulary.pointer, 4096);
test.after(() => {
  stages[Symbol.dispose]();
  vocabulary[Symbol.dispose]();
});

const { size } = vocabulary;
const isBreaker = (token: number, breakers: readonly string[]): boolean =>
  breakers.some((text) => new TextDecoder().decode(vocabulary.piece(token, { special: true })).includes(text));

/** Penalties as the algorithm was published: by the longest end of the text that a token would make longer. */
function penalties(text: readonly number[], given: PartialSamplingOptions): ReadonlyMap<number, number> {
  const options = samplingOptions(given);
  const { dryMultiplier, dryBase, dryAllowedLength, dryPenaltyLastN, drySequenceBreakers } = options;
  const last = text.slice(-dryPenaltyLastN);
  const broken = last.findLastIndex((token) => isBreaker(token, drySequenceBreakers));
  const longest = last.length - 1 - broken;
  const amounts = new Map<number, number>();
  for (let end = 1; end < last.length; end += 1) {
    let length = 0;
    while (length < end && length < longest && last[end - 1 - length] === last[last.length - 1 - length]) length += 1;
    const next = last[end] as number;
    if (isBreaker(next, drySequenceBreakers)) continue;
    const amount = length < dryAllowedLength ? 0 : dryMultiplier * dryBase ** (length - dryAllowedLength);
    if (amount > (amounts.get(next) ?? 0)) amounts.set(next, amount);
  }
  return amounts;
}

test('a token is less likely the longer the sequence that it would repeat', () => {
  const words = ['▁hello', '▁world', 'a', 'b', '<0x0A>'].map((name) => tiny.ids.get(name) ?? 0);
  const given = fc.record({
    dryMultiplier: fc.constantFrom(0, 0.5, 0.8),
    dryBase: fc.constantFrom(1, 1.2, 1.75),
    dryAllowedLength: fc.integer({ min: 1, max: 4 }),
    dryPenaltyLastN: fc.constantFrom(0, 6, 20, 1000),
    drySequenceBreakers: fc.constantFrom(['\n'], ['b', '\n'], ['zz']),
  });
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...words), { maxLength: 40 }), given, (text, sampling) => {
      using chain = new LogitsChain(size, { temperature: 1, topK: 0, topP: 1, ...sampling }, stages);
      const distribution = chain.distribution(new Float32Array(size), text);
      const amounts = sampling.dryPenaltyLastN > 0 ? penalties(text, sampling) : new Map<number, number>();
      const free = probabilityOf(distribution, 0);
      for (const token of words) {
        const fall = Math.log(free / probabilityOf(distribution, token));
        const expected = amounts.get(token) ?? 0;
        assert.ok(Math.abs(fall - expected) < 1e-3 * Math.max(1, expected), `token ${token}: ${fall}, not ${expected}`);
      }
    }),
    { numRuns: 150 },
  );
});

test('stages that are remembered are copied: texts at the same time do not disturb each other', () => {
  const sampling = { temperature: 1, topK: 0, topP: 1, dryMultiplier: 1, dryAllowedLength: 1 };
  const [hello, world] = ['▁hello', '▁world'].map((name) => tiny.ids.get(name) ?? 0) as [number, number];
  using first = new LogitsChain(size, sampling, stages);
  const of = (chain: LogitsChain, text: readonly number[]): number =>
    probabilityOf(chain.distribution(new Float32Array(size), text), world);
  const alone = of(first, [hello, world, hello]);
  {
    using second = new LogitsChain(size, sampling, stages);
    assert.notEqual(of(second, [hello]), alone);
    assert.equal(of(second, [hello, world, hello]), alone);
  }
  for (let i = 0; i < 9; i += 1) {
    using other = new LogitsChain(size, { ...sampling, dryBase: 2 + i }, stages);
    of(other, [hello, world]);
  }
  assert.equal(of(first, [hello, world, hello]), alone);
});
