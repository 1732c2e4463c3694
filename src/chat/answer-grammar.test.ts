import assert from 'node:assert/strict';
import test from 'node:test';
import { acceptor as matcher } from '../grammar/accepts.ts';
import { type GrammarSource, grammarOf } from '../grammar/source.ts';
import { answerGrammar } from './answer-grammar.ts';
import type { AnswerFormat } from './answer-reader.ts';
import type { Tool, ToolChoice } from './message.ts';
import { callFormats } from './tools/call-formats.ts';
import { writeCall } from './tools/write-call.ts';

const tools: readonly Tool[] = [
  {
    name: 'tide',
    parameters: {
      type: 'object',
      properties: { port: { type: 'string' }, days: { type: 'integer' } },
      required: ['port'],
    },
  },
  { name: 'ebb', parameters: { type: 'object', properties: {} } },
];
const tide = { name: 'tide', arguments: '{"port": "Ives", "days": 2}' };
const ebb = { name: 'ebb', arguments: '{}' };
const flood = { name: 'flood', arguments: '{}' };

interface Chosen {
  readonly choice?: ToolChoice;
  readonly parallel?: boolean;
  readonly tools?: readonly Tool[];
  readonly wanted?: GrammarSource;
  readonly thoughts?: Pick<AnswerFormat, 'thoughts' | 'opened'>;
}

/** A test of whole answers in a format. */
function allows(
  name: string,
  { choice = 'auto', parallel = true, tools: all = tools, wanted, thoughts }: Chosen,
): (text: string) => boolean {
  const format = callFormats.find((format) => format.name === name);
  assert.ok(format);
  const source = answerGrammar({ ...thoughts, calls: { format, tools: all, choice, parallel } }, wanted);
  return source ? matcher(grammarOf(source)) : () => true;
}

/** A call as it stands in an answer: the token that ends it in gpt-oss ends the answer. */
const written = (name: string, call: typeof tide): string => {
  const format = callFormats.find((format) => format.name === name);
  assert.ok(format);
  const text = writeCall(format, call);
  return name === 'gpt-oss' ? text.replace('<|call|>', '') : text;
};

test('where a call is required, an answer in any format is calls of known tools and nothing else', () => {
  for (const { name } of callFormats) {
    const allowed = allows(name, { choice: 'required' });
    assert.deepEqual(
      [name, ...[tide, ebb, flood].map((call) => allowed(written(name, call)))],
      [name, true, true, false],
    );
    assert.equal(allowed(`No.${written(name, ebb)}`), false);
    assert.equal(allowed(''), false);
  }
});

test('a named tool is called once, and no other', () => {
  for (const { name } of callFormats) {
    const format = callFormats.find((format) => format.name === name);
    assert.ok(format);
    const shown = tools.filter((tool) => tool.name === 'ebb');
    const source = answerGrammar(
      { calls: { format, tools: shown, choice: { name: 'ebb' }, parallel: true } },
      undefined,
    );
    assert.ok(source);
    const allowed = matcher(grammarOf(source));
    const call = written(name, ebb);
    assert.deepEqual([name, allowed(call), allowed(written(name, tide))], [name, true, false]);
    assert.equal(allowed(`${call}\n${call}`), false);
  }
});

test('where the model chooses, any text will do until a call has begun, which then has a known name', () => {
  for (const { name } of callFormats) {
    const allowed = allows(name, {});
    assert.ok(allowed('Any text { "name": [1'), name);
    assert.ok(allowed(`Text.\n${written(name, tide)}`), name);
  }
  for (const { name } of callFormats.filter(({ name }) => !/^Llama/.test(name))) {
    assert.equal(allows(name, {})(`Text.\n${written(name, flood)}`), false, name);
  }
});

test('arguments obey the schema in every format, and wrong ones are text where a form has no mark and no tool has this name', () => {
  const wrong = { name: 'tide', arguments: '{"port": "Ives", "days": "two"}' };
  for (const { name } of callFormats) {
    for (const choice of ['auto', 'required'] as const) {
      const allowed = allows(name, { choice });
      assert.deepEqual([name, allowed(written(name, tide)), allowed(written(name, wrong))], [name, true, false]);
    }
  }
  const [json, python] = ['Llama 3', 'Llama 4'].map((name) => allows(name, {}));
  assert.ok(json?.('{"name": "flood", "parameters": {}}') && json('{"name": "Ann", "age": 3}'));
  assert.ok(json?.('{"type": "function", "name": "tide", "parameters": {"port": "Looe"}}'));
  assert.equal(json?.('<|python_tag|>{"name": "tide", "parameters": {"days": 1}}'), false);
  assert.ok(python?.('[flood()]') && python('[1, 2]') && python('[ebb(), tide(port="Looe")]'));
  assert.equal(python?.('[tide(days=1)]'), false);
});

test('arguments obey what their schemas refer to', () => {
  const parameters = {
    properties: { port: { $ref: '#/$defs/Port' }, last: { anyOf: [{ $ref: '#/$defs/Port' }, { type: 'null' }] } },
    required: ['port'],
    $defs: { Port: { type: 'string', enum: ['Ives', 'Looe'] } },
  };
  for (const { name } of callFormats) {
    const allowed = allows(name, { choice: 'required', tools: [{ name: 'tide', parameters }] });
    const [known, other] = ['Looe', 'Hull'].map((port) => ({ name: 'tide', arguments: JSON.stringify({ port }) }));
    assert.ok(known && other);
    assert.deepEqual([name, allowed(written(name, known)), allowed(written(name, other))], [name, true, false]);
  }
});

test('sixty tools with eight parameters each are few enough for a grammar', () => {
  const text = (description: string, i: number): object =>
    i % 2 === 0 ? { type: 'string', description } : { anyOf: [{ type: 'string', description }, { type: 'null' }] };
  const many = Array.from({ length: 60 }, (_, tool): Tool => {
    const properties = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`p${i}`, text(`${tool}, ${i}`, i)]));
    return { name: `t${tool}`, parameters: { properties } };
  });
  for (const name of ['Qwen 3 Coder', 'MiniMax M3', 'Llama 3', 'Gemma 4']) {
    const allowed = allows(name, { tools: many });
    assert.ok(allowed(written(name, { name: 't59', arguments: '{"p0": "x"}' })), name);
    assert.equal(allowed(written(name, { name: 't59', arguments: '{"q": "x"}' })), false, name);
  }
});

test('only one call may come where several are not allowed', () => {
  for (const [choice, before] of [
    ['auto', 'Well. '],
    ['required', ''],
  ] as const) {
    const [one, several] = [false, true].map((parallel) => allows('Hermes', { choice, parallel }));
    const call = written('Hermes', tide);
    assert.deepEqual([one?.(before + call), one?.(`${before}${call}\n${call}`)], [true, false]);
    assert.equal(several?.(`${before}${call}\n${call}`), true);
  }
});

test('a text that is wanted may stand instead of a call, unless one is required', () => {
  const wanted: GrammarSource = { kind: 'text', text: '{"ok":true}' };
  const [auto, required] = [allows('Hermes', { wanted }), allows('Hermes', { wanted, choice: 'required' })];
  assert.deepEqual(['{"ok":true}', written('Hermes', ebb), 'Hi'].map(auto), [true, true, false]);
  assert.deepEqual(['{"ok":true}', written('Hermes', ebb)].map(required), [false, true]);
});

test('thoughts come first, as the model likes', () => {
  const thoughts = { open: '<think>', close: '</think>' };
  const wanted: GrammarSource = { kind: 'text', text: 'yes' };
  const opened = answerGrammar({ thoughts, opened: true }, wanted);
  const closed = answerGrammar({ thoughts }, wanted);
  assert.ok(opened && closed);
  const texts = ['Hm. no</think>\n\nyes', '<think>Hm. no</think>yes', 'yes', 'Hm.</think>no'];
  assert.deepEqual(texts.map(matcher(grammarOf(opened))), [true, true, false, false]);
  assert.deepEqual(texts.map(matcher(grammarOf(closed))), [false, true, true, false]);
  const called = allows('Hermes', { choice: 'required', thoughts: { thoughts, opened: true } });
  assert.ok(called(`I could <tool_call></think>\n\n${written('Hermes', ebb)}`));
});

test('in harmony thoughts, text and calls have their channels', () => {
  const wanted: GrammarSource = { kind: 'text', text: 'yes' };
  const allowed = allows('gpt-oss', { wanted });
  const analysis = '<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant';
  const final = '<|channel|>final<|message|>yes';
  const texts = [final, analysis + final, analysis + written('gpt-oss', ebb), 'yes', analysis];
  assert.deepEqual(texts.map(allowed), [true, true, true, false, false]);
});

test('an answer without tools and without a wish has no grammar', () => {
  assert.equal(answerGrammar({}, undefined), undefined);
  assert.equal(answerGrammar({ thoughts: { open: '<think>', close: '</think>' } }, undefined), undefined);
});
