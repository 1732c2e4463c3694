import assert from 'node:assert/strict';
import { isUtf8 } from 'node:buffer';
import test from 'node:test';
import fc from 'fast-check';
import { tinyBytePair, tinySentencePiece, writeVocabulary } from '../bench/tiny-vocabulary.ts';
import { EngineError } from '../src/base/errors.ts';
import { Automaton } from '../src/grammar/automaton.ts';
import { parseGbnf } from '../src/grammar/gbnf.ts';
import { TokenGrammar } from '../src/grammar/token-grammar.ts';
import { TokenIndex } from '../src/grammar/token-index.ts';
import { TokenNames } from '../src/grammar/token-names.ts';
import { Vocabulary } from '../src/text/vocabulary.ts';
import { LlamaGrammar } from './support/llama-grammar.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();

const characters = fc.constantFrom('"a"', '"1"', '"\\""', '[a-d]', '[^a]', '[é-日]', '.', '"ab"', '"<s>"');
const { body } = fc.letrec<{ body: string; item: string }>((tie) => ({
  item: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    characters,
    fc.tuple(tie('item'), fc.constantFrom('?', '*', '+', '{2}', '{1,3}')).map(([item, times]) => `(${item})${times}`),
    tie('body').map((inner) => `(${inner})`),
    fc.constantFrom('("{" root "}")?', 'other'),
  ),
  body: fc
    .array(fc.array(tie('item'), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 })
    .map((choices) => choices.map((items) => items.join(' ')).join(' | ')),
}));
const grammars = body.map((root) => `root ::= ${root}\nother ::= "b" | "c" other`);

/** Tokens that may come next; undefined where a grammar can be read in more ways at once than are followed. */
function allowedBy(
  grammar: TokenGrammar,
  state: TokenGrammar['start'],
): ReturnType<TokenGrammar['allowed']> | undefined {
  try {
    return grammar.allowed(state);
  } catch (error) {
    if (error instanceof EngineError && /too many ways at once/.test(error.message)) return undefined;
    throw error;
  }
}

for (const [name, vocabulary] of [
  ['byte-pair', tinyBytePair()],
  ['sentence-piece', tinySentencePiece()],
] as const) {
  test(`libllama allows the same tokens of a ${name} vocabulary, control tokens apart`, () => {
    const file = folder.file(`${name}.gguf`);
    writeVocabulary(file, vocabulary);
    using real = Vocabulary.open(file);
    const index = TokenIndex.of(real);
    const names = new TokenNames(real);
    // Libllama allows bytes that begin no character.
    const isText = (token: number): boolean =>
      !real.isControl(token) && real.piece(token, { special: false }).every((byte) => byte > 0 && byte < 0xf5);
    const ordinary = Array.from({ length: real.size }, (_, token) => token).filter(isText);
    const choices = fc.array(fc.nat(), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(grammars, choices, (source, choices) => {
        using oracle = new LlamaGrammar(file, source);
        const grammar = new TokenGrammar(new Automaton(parseGbnf(source), names), index);
        let state = grammar.start;
        for (const choice of choices) {
          const ours = allowedBy(grammar, state);
          // Beyond our bound there is nothing to compare.
          if (!ours) return;
          const theirs = oracle.allowed();
          const common = ordinary.filter((token) => theirs.has(token));
          assert.deepEqual(
            ordinary.filter((token) => ours.has(token)),
            common,
          );
          assert.equal(
            index.ends.some((token) => ours.has(token)),
            index.ends.some((token) => theirs.has(token)),
          );
          // Within a character, libllama allows bytes that lead to none.
          const whole = common.filter((token) => isUtf8(real.piece(token, { special: false })));
          const next = whole[choice % whole.length];
          if (next === undefined || index.ends.includes(next)) return;
          state = grammar.after(state, next);
          oracle.accept(next);
        }
      }),
      {
        numRuns: 60,
        examples: [
          [
            'root ::= [^a] (("{" root "}")?){1,3} [é-日] | . (("{" root "}")?){2} (("{" root "}")?)\nother ::= "b" | "c" other',
            Array(8).fill(0),
          ],
        ],
      },
    );
  });
}
