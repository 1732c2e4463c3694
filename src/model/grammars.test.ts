import assert from 'node:assert/strict';
import test from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { engineError } from '../../test/support/engine-error.ts';
import { type AnswerFormat, plainFormat } from '../chat/answer-reader.ts';
import type { ToolChoice } from '../chat/message.ts';
import { callFormats } from '../chat/tools/call-formats.ts';
import type { GrammarSource } from '../grammar/source.ts';
import type { GrammarVocabulary } from '../grammar/token-names.ts';
import { Grammars } from './grammars.ts';

/** A vocabulary of many numbers; its end is 0. `looks` counts how often it was asked for the bytes of a token. */
class Numbers implements GrammarVocabulary {
  readonly size = 20_000;
  looks = 0;
  readonly isControl = (): boolean => false;
  readonly isEndOfGeneration = (token: number): boolean => token === 0;
  readonly tokenize = (): number[] => [];

  piece(token: number): Uint8Array {
    this.looks += 1;
    return Buffer.from(`${token}`);
  }
}

const digits = { kind: 'gbnf', text: 'root ::= "12" [0-9]*' } as const;

test('others go on while the tokens of a vocabulary are put in order', async () => {
  const vocabulary = new Numbers();
  using grammars = new Grammars(vocabulary);
  const ready = grammars.prepare(digits);
  assert.ok(vocabulary.looks < 2000, `${vocabulary.looks} tokens at once`);
  let turns = 0;
  const stop = new AbortController();
  const others = (async () => {
    for (; !stop.signal.aborted; turns += 1) await setImmediate();
  })();
  await ready;
  stop.abort();
  await others;
  assert.ok(turns >= 20, `${turns} turns of others`);
  using lease = grammars.lease(JSON.stringify(digits)) ?? assert.fail();
  const { grammar } = lease;
  const allowed = grammar.allowed(grammar.start);
  assert.deepEqual(
    [1, 12, 123, 13, 0].map((token) => allowed.has(token)),
    [true, true, true, false, false],
  );
  const looks = vocabulary.looks;
  await grammars.prepare({ kind: 'json' });
  assert.equal(vocabulary.looks, looks);
});

test('wrong grammars are refused at once, and a vocabulary that was let go of is not asked any more', async () => {
  const vocabulary = new Numbers();
  const grammars = new Grammars(vocabulary);
  assert.throws(() => void grammars.prepare({ kind: 'gbnf', text: 'root ::= (' }), engineError('BAD_GRAMMAR'));
  const ready = grammars.prepare(digits);
  grammars[Symbol.dispose]();
  const looks = vocabulary.looks;
  await ready;
  assert.equal(vocabulary.looks, looks);
});

test('a begin of an answer that cannot become the JSON that is asked for is a warning, any other is none', () => {
  const warnings: string[] = [];
  using grammars = new Grammars(new Numbers(), ({ message }) => warnings.push(message));
  const schema = { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] };
  const warned = (begun: string, wanted: GrammarSource = { kind: 'schema', schema }): number => {
    warnings.length = 0;
    void grammars.prepareFor({ ...plainFormat, begun }, wanted).ready;
    return warnings.length;
  };
  assert.deepEqual([warned('{"a": 1'), warned(''), warned('Sure: ', digits)], [0, 0, 0]);
  assert.deepEqual([warned('Sure: '), warned('{"b"'), warned('[', { kind: 'json' })], [1, 1, 1]);
  assert.match(warnings[0] ?? '', /does not begin the JSON/);
});

test('a strict tool whose schema cannot be enforced is refused with its name and the keyword, another is called all the same', () => {
  using grammars = new Grammars(new Numbers());
  const [format] = callFormats;
  assert.ok(format);
  const parameters = { type: 'object', properties: { port: { type: 'string', not: { const: 'Ives' } } } };
  const answer = (choice: ToolChoice, strict: boolean): AnswerFormat => ({
    calls: { format, tools: [{ name: 'tide', parameters, strict }], choice, parallel: true },
  });
  const error = engineError('BAD_GRAMMAR', { place: '#/properties/port/not of the strict tool tide' });
  for (const choice of ['auto', 'required', { name: 'tide' }] as const) {
    assert.throws(() => grammars.prepareFor(answer(choice, true), undefined), error);
    assert.ok(grammars.prepareFor(answer(choice, false), undefined).source?.includes('"relaxed":true'));
  }
  assert.equal(grammars.prepareFor(answer('none', true), undefined).source, undefined);
});
