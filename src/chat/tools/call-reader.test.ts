import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  boat,
  callJson,
  callsOf,
  joinedAnswer,
  messageTranscripts,
  quay,
  quayJson,
  readAnswer,
  secondJson,
  tools,
  transcripts,
} from '../../../test/support/call-transcripts.ts';
import { at } from '../../base/at.ts';
import { callFormats } from './call-formats.ts';
import { CallReader } from './call-reader.ts';

test('each format has a transcript here, and each transcript gives its text and its calls', () => {
  const names = Object.keys({ ...transcripts, ...messageTranscripts });
  assert.deepEqual(names.sort(), callFormats.map(({ name }) => name).sort());
  for (const [format, text] of Object.entries(transcripts)) {
    const answer = readAnswer(format, [`Let me see.\n\n${text}\n`]);
    assert.deepEqual([format, answer.text, ...callsOf(answer)], [format, 'Let me see.', quay, boat]);
  }
});

test('messages are thoughts, text or calls, as their channels and receivers say', () => {
  for (const [format, text] of Object.entries(messageTranscripts)) {
    const { thinking, text: content, ...answer } = readAnswer(format, [text]);
    const calls = callsOf({ ...answer, thinking, text: content });
    assert.deepEqual([format, thinking, content, ...calls], [format, 'Ask the tide.', 'One moment.', quay, boat]);
  }
  const other = readAnswer('gpt-oss', ['<|channel|>commentary to=python<|message|>print()<|call|>']);
  assert.deepEqual(other, { text: '', thinking: '', calls: [] });
  assert.equal(readAnswer('gpt-oss', ['goes on.<|end|>']).text, 'goes on.');
  const quoted = '<atem:function_calls>\n<atem:invoke name="tide">\n</atem:invoke>';
  for (const [receiver, key] of [
    ['user', 'text'],
    ['self', 'thinking'],
  ] as const) {
    const quotes = readAnswer('Muse', [` to=${receiver}<|message|>Like ${quoted}<|eot|>`]);
    assert.deepEqual([quotes[key], quotes.calls], [`Like ${quoted}`, []]);
  }
});

/** A text cut at some places. */
const cut = (text: string, places: readonly number[]): readonly string[] => {
  const at = [0, ...places.map((place) => place % (text.length + 1)).sort((a, b) => a - b), text.length];
  return at.slice(1).map((end, i) => text.slice(at[i], end));
};
const places = fc.array(fc.nat(), { maxLength: 12 });

test('however the text is cut, the parts are the same', () => {
  const all = Object.entries({ ...transcripts, ...messageTranscripts });
  for (const [format, text] of all) {
    for (const whole of [text, `Well.\n${text}\n\nDone. <tool`]) {
      const expected = readAnswer(format, [whole]);
      assert.deepEqual([format, readAnswer(format, [...whole])], [format, expected]);
    }
  }
  fc.assert(
    fc.property(fc.constantFrom(...all), fc.nat(), places, ([format, text], end, places) => {
      const part = text.slice(0, end % (text.length + 1));
      assert.deepEqual(readAnswer(format, cut(part, places)), readAnswer(format, [part]));
    }),
  );
});

test('whatever a model writes, cuts change nothing, and text is lost only beside calls', () => {
  const words = fc.constantFrom(
    ...callFormats.flatMap(({ begins, around = [] }) => [...begins, ...around]),
    ...['{', '}', '[', ']', '"', ':', ',', '(', ')', '=', '>', '\n', 'tide', 'name', '"name"', '"arguments"', '"tide"'],
    ...['{"name": "tide"', '```', 'x', ' ', 'tide(', '<parameter=', '</parameter>', '\\', '<arg_key>', '<|message|>'],
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...callFormats.map(({ name }) => name)),
      fc.array(words, { maxLength: 25 }).map((some) => some.join('')),
      places,
      (format, text, places) => {
        const answer = readAnswer(format, [text]);
        assert.deepEqual(readAnswer(format, cut(text, places)), answer);
        const drops = callFormats.find(({ name }) => name === format)?.drops ?? [];
        const kept = drops.reduce((rest, drop) => rest.replaceAll(drop, ''), text);
        if (answer.calls.length === 0 && !(format in messageTranscripts) && format !== 'Functionary 3.2') {
          assert.equal(answer.text, kept);
        }
      },
    ),
    { numRuns: 1000 },
  );
});

test('text that only looks like a call is content', () => {
  for (const [format, text] of [
    ['Hermes', 'Write <tool_call> around it.'],
    ['Hermes', '<tool_call>\n{"name": "unknown", "arguments": {}}\n</tool_call>'],
    ['Hermes', '{"port": "Ives"}'],
    ['Hermes', '<tool_call>{"name": "tide" is how it begins'],
    ['Llama 3', '{"name": "Ann", "parameters": {}}'],
    ['Llama 4', '[link](tide) and tide() in the middle'],
    ['Mistral', '[TOOL_CALLS]unknown[ARGS]{}'],
    ['Mistral', '[TOOL_CALLS]tide is high'],
    ['Qwen 3 Coder', '<tool_call>\n<function=ebb>\n</function>\n</tool_call>'],
    ['Functionary 3.2', 'tides\n{}'],
    ['Kimi K2', '<|tool_call_begin|>functions.ebb:0<|tool_call_argument_begin|>{}<|tool_call_end|>'],
    ['Command R+', 'Action:\n```json\n[]\n```'],
  ] as const) {
    assert.deepEqual([format, readAnswer(format, [...text])], [format, { text, thinking: '', calls: [] }]);
  }
});

test('text may stand before, between and behind calls', () => {
  const answer = readAnswer('Hermes', [
    `First.\n<tool_call>${callJson}</tool_call>\nThen.\n<tool_call>${secondJson}</tool_call>\nDone.`,
  ]);
  assert.deepEqual([answer.text, ...callsOf(answer)], ['First.\nThen.\nDone.', quay, boat]);
});

test('a mark that is cut off behind a call is no text', () => {
  const text = transcripts['Hermes'] ?? '';
  for (let end = 1; end < text.lastIndexOf('<tool_call>') + '<tool_call>'.length; end++) {
    const answer = readAnswer('Hermes', [text.slice(0, end)]);
    if (answer.calls.length > 0) assert.deepEqual([end, answer.text], [end, '']);
  }
});

test('an answer may begin with a call that has no mark, where the format allows that', () => {
  for (const [format, text] of [
    ['Llama 3', callJson],
    ['Hermes', `\n${callJson}`],
    ['Llama 4', `[tide(port='St. "Ives"', days=2)]`],
    ['Functionary 3.2', `tide\n${quayJson}`],
  ] as const) {
    assert.deepEqual([format, ...callsOf(readAnswer(format, [text]))], [format, quay]);
  }
  assert.equal(readAnswer('Functionary 3.2', ['all\nHello']).text, 'Hello');
});

test('arguments are handed over as soon as the name is known', () => {
  const format = callFormats.find(({ name }) => name === 'Hermes');
  assert.ok(format);
  const reader = new CallReader({ format, tools }, () => 'new');
  assert.deepEqual(reader.push('<tool_call>{"name": "tide", "arguments": {"port"'), [
    { text: '', toolCalls: [{ index: 0, id: 'new', name: 'tide', arguments: '{"port"' }] },
  ]);
  assert.deepEqual(reader.push(': "Iv'), [{ text: '', toolCalls: [{ index: 0, arguments: ': "Iv' }] }]);
});

test('ids of the model are kept, and others are new', () => {
  const ids = (format: string): readonly unknown[] =>
    readAnswer(format, [transcripts[format] ?? '']).calls.map(({ id }) => id);
  assert.deepEqual(ids('Mistral'), ['id0', 'a1b2c3d4e']);
  assert.deepEqual(ids('Kimi K2'), ['functions.tide:0', 'functions.boat.book:1']);
  assert.deepEqual(ids('Command R7B'), ['0', '1']);
  const late = readAnswer('Mistral Nemo', [`[TOOL_CALLS][{"name": "tide", "arguments": {}, "id": "123456789"}]`]);
  assert.deepEqual(late.calls, [{ name: 'tide', id: '123456789', arguments: '{}' }]);
});

test('keys in another order, other names of them and arguments inside a string are understood', () => {
  for (const text of [
    `{"arguments": ${quayJson}, "name": "tide"}`,
    `{"type": "function", "function": {"name": "tide", "parameters": ${quayJson}}}`,
    `{"name": "tide", "arguments": ${JSON.stringify(quayJson)}}`,
    `[{"name": "tide", "args": ${quayJson}}]`,
  ]) {
    assert.deepEqual(callsOf(readAnswer('Hermes', [`<tool_call>${text}</tool_call>`])), [quay]);
  }
  assert.deepEqual(callsOf(readAnswer('Hermes', ['<tool_call>{"name": "tide"}</tool_call>'])), [['tide', {}]]);
});

test('line breaks that a model writes inside JSON strings are escaped', () => {
  const text = '<tool_call>{"name": "tide", "arguments": {"port": "a\nb\tc"}}</tool_call>';
  assert.deepEqual(callsOf(readAnswer('Hermes', [text])), [['tide', { port: 'a\nb\tc' }]]);
});

test('a call that is cut off is no JSON, and half a call never looks like a whole one', () => {
  for (const [format, text] of Object.entries(transcripts)) {
    for (let end = 1; end < text.length; end++) {
      const { calls } = readAnswer(format, [text.slice(0, end)]);
      for (const { name, arguments: given } of calls) {
        const expected: unknown = (name === 'tide' ? quay : boat)[1];
        let value: unknown;
        try {
          value = JSON.parse(given);
        } catch {
          continue;
        }
        assert.deepEqual([format, end, value], [format, end, expected]);
      }
    }
  }
});

test('arguments of an answer that the model ends are an object, whatever it has written, and its begin at any time', () => {
  const words = fc.constantFrom(
    ...callFormats.flatMap(({ begins, around = [] }) => [...begins, ...around]),
    ...['{', '}', '[', ']', '"', ':', ',', '(', ')', '=', '>', '\n', 'tide', 'name', '"name"', '"arguments"', '"tide"'],
    ...['{"name": "tide", "arguments": {"port": ', '<parameter=', '</parameter>', '\\', '<arg_key>', 'tide(', 'x', '1'],
  );
  const pieces = fc.array(words, { maxLength: 20 });
  const begins = Object.values({ ...transcripts, ...messageTranscripts });
  fc.assert(
    fc.property(
      fc.constantFrom(...callFormats),
      fc.constantFrom('', ...begins),
      fc.nat(),
      pieces,
      (format, text, end, pieces) => {
        const reader = new CallReader({ format, tools }, () => 'id');
        const parts = [text.slice(0, end % (text.length + 1)), ...pieces].map((piece) => reader.push(piece));
        const whole = joinedAnswer([...parts.flat(), ...reader.end(true)]);
        for (const call of whole.calls) {
          const value: unknown = JSON.parse(call.arguments);
          assert.ok(typeof value === 'object' && value !== null && !Array.isArray(value));
        }
        const begun = joinedAnswer(parts.flat());
        for (const [i, call] of begun.calls.entries())
          assert.ok(at(whole.calls, i).arguments.startsWith(call.arguments));
      },
    ),
    { numRuns: 500 },
  );
});
