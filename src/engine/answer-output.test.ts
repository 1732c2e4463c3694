import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { tinySentencePiece, writeVocabulary } from '../../bench/tiny-vocabulary.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import { type AnswerFormat, plainFormat } from '../chat/answer-reader.ts';
import { Vocabulary } from '../text/vocabulary.ts';
import { AnswerOutput } from './answer-output.ts';

const tiny = tinySentencePiece();
const path = sharedFolder().file('model.gguf');
writeVocabulary(path, tiny);
const vocabulary = Vocabulary.open(path);
test.after(() => vocabulary[Symbol.dispose]());

const id = (name: string): number => tiny.ids.get(name) ?? -1;
const [begin, end, hello, world] = ['<s>', '<|im_end|>', '▁hello', '▁world'].map(id) as [
  number,
  number,
  number,
  number,
];
/** Tags that are control tokens. */
const thoughts = { open: '<s>', close: '<|im_end|>' };

interface Told {
  readonly thinking: string;
  readonly text: string;
  readonly tokens: readonly number[];
}

/** The answer of a model that says `tokens` as far as it may choose. */
async function tell(
  format: AnswerFormat,
  tokens: readonly number[],
  thinkBudget = Infinity,
  stop: readonly string[] = ['world'],
): Promise<Told> {
  const output = AnswerOutput.open(vocabulary, format, { stop, thinkBudget });
  const said: number[] = [];
  const rest = [...tokens];
  for (;;) {
    const token = output.takeForced() ?? rest.shift();
    if (token === undefined) break;
    said.push(token);
    if (output.push(token, undefined)) break;
  }
  output.end(true);
  output.close(undefined);
  const told = { thinking: '', text: '', tokens: said };
  for (let piece = await output.read(); piece; piece = await output.read()) {
    told.thinking += piece.thinking ?? '';
    told.text += piece.text;
  }
  return told;
}

test('control tokens around thoughts are seen by their reader, and others by nobody', async () => {
  const told = await tell({ thoughts }, [begin, hello, end, hello]);
  assert.deepEqual([told.thinking, told.text], ['hello', 'hello']);
  assert.equal((await tell(plainFormat, [begin, hello, end])).text, ' hello');
});

test('a stop string ends an answer within thoughts too', async () => {
  const told = await tell({ thoughts }, [begin, hello, world, end, hello]);
  assert.deepEqual(told, { thinking: 'hello', text: '', tokens: [begin, hello, world] });
});

test('a stop text that names a control token ends an answer with that token', async () => {
  const said = [hello, end, hello];
  assert.equal((await tell(plainFormat, said)).tokens.length, 3);
  const told = await tell(plainFormat, said, Infinity, ['<|im_end|>']);
  assert.deepEqual([told.text, told.tokens], [' hello', [hello, end]]);
});

test('a stop text of control tokens and text ends an answer where both come, and shows neither', async () => {
  const said = [hello, end, hello, world, hello];
  const stopped = async (stop: string): Promise<readonly [string, number]> => {
    const { text, tokens } = await tell(plainFormat, said, Infinity, [stop]);
    return [text, tokens.length];
  };
  assert.deepEqual(await stopped('<|im_end|> hello'), [' hello', 3]);
  assert.deepEqual(await stopped('hello<|im_end|>'), [' ', 2]);
  assert.deepEqual(await stopped('o<|im_end|> hello wor'), [' hell', 4]);
  // It never comes: the control token is nothing again.
  assert.deepEqual(await stopped('<|im_end|>!'), [' hello hello world hello', 5]);
  assert.deepEqual(await stopped('<s>'), [' hello hello world hello', 5]);
});

test('an answer stops where a text does that has the control tokens by name', async () => {
  const token = fc.constantFrom(begin, end, hello, world);
  const name = (one: number): string => new TextDecoder().decode(vocabulary.piece(one, { special: true }));
  await fc.assert(
    fc.asyncProperty(fc.array(token, { minLength: 1, maxLength: 8 }), fc.nat(), fc.nat(), async (said, from, count) => {
      const first = from % said.length;
      const stop = said
        .slice(first, first + 1 + (count % 3))
        .map(name)
        .join('');
      const isTold = (one: number): boolean => !vocabulary.isControl(one) || stop.includes(name(one));
      const told = said.map((one) => (isTold(one) ? name(one) : ''));
      const stopped = told.findIndex((_, i) =>
        told
          .slice(0, i + 1)
          .join('')
          .includes(stop),
      );
      const { tokens, text } = await tell(plainFormat, said, Infinity, [stop]);
      assert.equal(tokens.length, stopped + 1);
      assert.ok(stopped >= 0 && !text.includes('<'));
    }),
    { numRuns: 300 },
  );
});

test('thoughts end after as many tokens as they may take', async () => {
  const say = [begin, hello, hello, hello, hello];
  for (const most of [0, 1, 3]) {
    const { tokens } = await tell({ thoughts }, say, most);
    assert.equal(tokens.indexOf(end), most + 1, `${most}`);
  }
  const { tokens } = await tell({ thoughts, opened: true }, say.slice(1), 0);
  assert.equal(tokens[0], end);
});

test('thoughts that end by themselves are not ended again, nor is an answer without thoughts', async () => {
  for (const tokens of [
    [begin, hello, end, hello, hello, hello],
    [hello, hello, hello],
  ]) {
    assert.deepEqual((await tell({ thoughts }, tokens, 2)).tokens, tokens);
  }
});
