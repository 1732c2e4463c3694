import assert from 'node:assert/strict';
import { at } from '../../src/base/at.ts';
import type { AnswerPart } from '../../src/chat/answer-part.ts';
import type { Tool } from '../../src/chat/message.ts';
import { callFormats } from '../../src/chat/tools/call-formats.ts';
import { CallReader } from '../../src/chat/tools/call-reader.ts';

/** Tools that the transcripts call. */
export const tools: readonly Tool[] = [
  {
    name: 'tide',
    parameters: { type: 'object', properties: { port: { type: 'string' }, days: { type: 'integer' } } },
  },
  { name: 'boat.book', parameters: { type: 'object', properties: { seats: { type: 'array' }, note: {} } } },
];

export interface ReadAnswer {
  readonly text: string;
  readonly thinking: string;
  readonly calls: readonly { readonly name: string | undefined; readonly id: string | undefined; arguments: string }[];
}

/** The parts put together again; calls have to come one after the other. */
export function joinedAnswer(parts: readonly AnswerPart[]): ReadAnswer {
  const calls: ReadAnswer['calls'][number][] = [];
  for (const { index, id, name, arguments: some } of parts.flatMap(({ toolCalls = [] }) => toolCalls)) {
    if (index === calls.length) calls.push({ name, id, arguments: '' });
    else assert.deepEqual([id, name], [undefined, undefined]);
    assert.equal(index, calls.length - 1);
    at(calls, index).arguments += some;
  }
  const all = (key: 'text' | 'thinking'): string => parts.map((part) => part[key] ?? '').join('');
  return { text: all('text'), thinking: all('thinking'), calls };
}

export function readAnswer(format: string, pieces: readonly string[]): ReadAnswer {
  const found = callFormats.find(({ name }) => name === format);
  assert.ok(found, format);
  let ids = 0;
  const reader = new CallReader({ format: found, tools }, () => `id${ids++}`);
  return joinedAnswer([...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()]);
}

/** A call without the id that it was given, its arguments as a value; as text where they are no JSON. */
export const callsOf = (answer: ReadAnswer): readonly unknown[] =>
  answer.calls.map(({ name, arguments: text }) => {
    try {
      return [name, JSON.parse(text)];
    } catch {
      return [name, text];
    }
  });

/** The first call of all transcripts, and the second one. */
export const quay: readonly [name: string, args: object] = ['tide', { port: 'St. "Ives"', days: 2 }];
export const boat: readonly [name: string, args: object] = ['boat.book', { seats: [1, 'a'], note: 'x' }];
/** Both as JSON, and their arguments alone. */
export const callJson = '{"name": "tide", "arguments": {"port": "St. \\"Ives\\"", "days": 2}}';
export const secondJson = '{"name": "boat.book", "arguments": {"seats": [1, "a"], "note": "x"}}';
export const quayJson = '{"port": "St. \\"Ives\\"", "days": 2}';
export const boatJson = '{"seats": [1, "a"], "note": "x"}';

/** Two calls in each format, behind a text. */
export const transcripts: Readonly<Record<string, string>> = {
  Hermes: `<tool_call>\n${callJson}\n</tool_call>\n<tool_call>\n${secondJson}\n</tool_call>`,
  'Llama 3': `<|python_tag|>${callJson.replace('arguments', 'parameters')}; ${secondJson.replace('arguments', 'parameters')}`,
  'Mistral Nemo': `[TOOL_CALLS][${callJson}, ${secondJson}]`,
  Mistral: `[TOOL_CALLS]tide[ARGS]${quayJson}[TOOL_CALLS]boat.book[CALL_ID]a1b2c3d4e[ARGS]${boatJson}`,
  'Command R7B': `<|START_ACTION|>[\n  {"tool_call_id": "0", "tool_name": "tide", "parameters": ${quayJson}},
    {"tool_call_id": "1", "tool_name": "boat.book", "parameters": ${boatJson}}\n]<|END_ACTION|>`,
  'Command R+': `Action:\n\`\`\`json\n[{"tool_name": "tide", "parameters": ${quayJson}},
    {"tool_name": "boat.book", "parameters": ${boatJson}}]\n\`\`\``,
  'Nemotron Nano 2': `<TOOLCALL>[${callJson}, ${secondJson}]</TOOLCALL>`,
  Apertus: `<|tools_prefix|>[{"tide": ${quayJson}}, {"boat.book": ${boatJson}}]<|tools_suffix|>`,
  'Firefunction 2': ` functools[${callJson}, ${secondJson}]`,
  'GigaChat 3.1': `<|function_call|>${callJson}<|function_call|>${secondJson}`,
  'GigaChat 3': `<|message_sep|>\n\nfunction call<|role_sep|>\n${callJson}<|message_sep|>\n\nfunction call<|role_sep|>\n${secondJson}`,
  'Granite 3': `<|tool_call|>[${callJson}, ${secondJson}]`,
  'Apriel 1.5': `<tool_calls>[${callJson}, ${secondJson}]</tool_calls>`,
  'DeepSeek R1':
    '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>tide\n```json\n' +
    `${quayJson}\n\`\`\`<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>boat.book\n\`\`\`json\n` +
    `${boatJson}\n\`\`\`<｜tool▁call▁end｜><｜tool▁calls▁end｜>`,
  'DeepSeek V3.1':
    `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>tide<｜tool▁sep｜>${quayJson}<｜tool▁call▁end｜>` +
    `<｜tool▁call▁begin｜>boat.book<｜tool▁sep｜>${boatJson}<｜tool▁call▁end｜><｜tool▁calls▁end｜>`,
  'DeepSeek V3.2':
    '<｜DSML｜function_calls>\n<｜DSML｜invoke name="tide">\n' +
    '<｜DSML｜parameter name="port" string="true">St. "Ives"</｜DSML｜parameter>\n' +
    '<｜DSML｜parameter name="days" string="false">2</｜DSML｜parameter>\n</｜DSML｜invoke>\n' +
    '<｜DSML｜invoke name="boat.book">\n<｜DSML｜parameter name="seats" string="false">[1, "a"]</｜DSML｜parameter>\n' +
    '<｜DSML｜parameter name="note" string="true">x</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>',
  'Kimi K2':
    `<|tool_calls_section_begin|><|tool_call_begin|>functions.tide:0<|tool_call_argument_begin|>${quayJson}` +
    `<|tool_call_end|><|tool_call_begin|>functions.boat.book:1<|tool_call_argument_begin|>${boatJson}` +
    '<|tool_call_end|><|tool_calls_section_end|>',
  'Kimi K3':
    '<|open|>tools<|sep|><|open|>call tool="tide" index="1"<|sep|>' +
    '<|open|>argument key="port" type="string"<|sep|>St. "Ives"<|close|>argument<|sep|>' +
    '<|open|>argument key="days" type="number"<|sep|>2<|close|>argument<|sep|><|close|>call<|sep|>' +
    '<|open|>call tool="boat.book" index="2"<|sep|>' +
    '<|open|>argument key="seats" type="array"<|sep|>[1, "a"]<|close|>argument<|sep|>' +
    '<|open|>argument key="note" type="string"<|sep|>x<|close|>argument<|sep|><|close|>call<|sep|>' +
    '<|close|>tools<|sep|><|close|>message<|sep|>',
  'Solar Open':
    `<|tool_calls|><|tool_call:name|>tide<|tool_call:args|>${quayJson}<|tool_call:end|>` +
    `<|tool_call:name|>boat.book<|tool_call:args|>${boatJson}<|tool_call:end|>`,
  'GLM 4.5':
    '<tool_call>tide\n<arg_key>port</arg_key>\n<arg_value>St. "Ives"</arg_value>\n<arg_key>days</arg_key>\n' +
    '<arg_value>2</arg_value>\n</tool_call>\n<tool_call>boat.book<arg_key>seats</arg_key><arg_value>[1, "a"]' +
    '</arg_value><arg_key>note</arg_key><arg_value>x</arg_value></tool_call>',
  'Hunyuan 3':
    '<tool_calls:opensource>\n<tool_call:opensource>tide<tool_sep:opensource>\n<arg_key:opensource>port' +
    '</arg_key:opensource>\n<arg_value:opensource>St. "Ives"</arg_value:opensource>\n<arg_key:opensource>days' +
    '</arg_key:opensource>\n<arg_value:opensource>2</arg_value:opensource>\n</tool_call:opensource>\n' +
    '<tool_call:opensource>boat.book<tool_sep:opensource>\n<arg_key:opensource>seats</arg_key:opensource>\n' +
    '<arg_value:opensource>[1, "a"]</arg_value:opensource>\n<arg_key:opensource>note</arg_key:opensource>\n' +
    '<arg_value:opensource>x</arg_value:opensource>\n</tool_call:opensource>\n</tool_calls:opensource>',
  'MiniMax M2':
    '<minimax:tool_call>\n<invoke name="tide">\n<parameter name="port">St. "Ives"</parameter>\n' +
    '<parameter name="days">2</parameter>\n</invoke>\n<invoke name="boat.book">\n' +
    '<parameter name="seats">[1, "a"]</parameter>\n<parameter name="note">x</parameter>\n</invoke>\n</minimax:tool_call>',
  'MiniMax M3':
    ']<]minimax[>[<tool_call>\n]<]minimax[>[<invoke name="tide">]<]minimax[>[<port>St. "Ives"]<]minimax[>[</port>' +
    ']<]minimax[>[<days>2]<]minimax[>[</days>]<]minimax[>[</invoke>\n]<]minimax[>[<invoke name="boat.book">' +
    ']<]minimax[>[<seats>]<]minimax[>[<item>1]<]minimax[>[</item>]<]minimax[>[<item>a]<]minimax[>[</item>' +
    ']<]minimax[>[</seats>]<]minimax[>[<note>x]<]minimax[>[</note>]<]minimax[>[</invoke>\n]<]minimax[>[</tool_call>',
  'Seed OSS':
    '<seed:tool_call>\n<function=tide>\n<parameter=port>St. "Ives"</parameter>\n<parameter=days>2</parameter>\n' +
    '</function>\n</seed:tool_call>\n<seed:tool_call>\n<function=boat.book>\n<parameter=seats>[1, "a"]</parameter>\n' +
    '<parameter=note>x</parameter>\n</function>\n</seed:tool_call>',
  'Qwen 3 Coder':
    '<tool_call>\n<function=tide>\n<parameter=port>\nSt. "Ives"\n</parameter>\n<parameter=days>\n2\n</parameter>\n' +
    '</function>\n</tool_call>\n<tool_call>\n<function=boat.book>\n<parameter=seats>\n[1, "a"]\n</parameter>\n' +
    '<parameter=note>\nx\n</parameter>\n</function>\n</tool_call>',
  'MiniCPM 5':
    '<function name="tide"><param name="port"><![CDATA[St. "Ives"]]></param><param name="days">2</param></function>\n' +
    '<function name="boat.book"><param name="seats">[1, "a"]</param><param name="note">x</param></function>',
  'Functionary 3.1': `<function=tide>${quayJson}</function><function=boat.book>${boatJson}</function>`,
  'Functionary 3.2': `>>>tide\n${quayJson}>>>boat.book\n${boatJson}`,
  'Gemma 4':
    '<|tool_call>call:tide{port:<|"|>St. "Ives"<|"|>,days:2}<tool_call|>' +
    '<|tool_call>call:boat.book{seats:[1,<|"|>a<|"|>],note:<|"|>x<|"|>}<tool_call|>',
  FunctionGemma:
    '<start_function_call>call:tide{port:<escape>St. "Ives"<escape>,days:2}<end_function_call>' +
    '<start_function_call>call:boat.book{seats:[1,<escape>a<escape>],note:<escape>x<escape>}<end_function_call>',
  'LFM 2': `<|tool_call_start|>[tide(port='St. "Ives"', days=2), boat.book(seats=[1, "a"], note="x")]<|tool_call_end|>`,
  'Llama 4': `<|python_start|>[tide('St. "Ives"', 2), boat.book(seats=(1, "a"), note="x")]<|python_end|>`,
  'OLMo 3': `<function_calls>tide(port='St. "Ives"', days=2)\nboat.book(seats=[1, "a"], note="x")</function_calls>`,
};

/** Thoughts, a text and two calls in the formats whose answers are messages. */
export const messageTranscripts: Readonly<Record<string, string>> = {
  'gpt-oss':
    '<|channel|>analysis<|message|>Ask the tide.<|end|><|start|>assistant<|channel|>commentary<|message|>One moment.<|end|>' +
    `<|start|>assistant<|channel|>commentary to=functions.tide <|constrain|>json<|message|>${quayJson}<|call|>` +
    `<|start|>assistant to=functions.boat.book<|channel|>commentary<|message|>${boatJson}`,
  Muse:
    ' to=self<|message|>Ask the tide.<|eom|><|start|>assistant to=user<|message|>One moment.<|eom|>' +
    '<|start|>assistant to=tide<|message|><atem:function_calls>\n<atem:invoke name="tide">\n' +
    '<atem:parameter name="port">St. "Ives"</atem:parameter>\n<atem:parameter name="days">2</atem:parameter>\n' +
    '</atem:invoke>\n</atem:function_calls><|eom|><|start|>assistant to=boat.book<|message|><atem:function_calls>\n' +
    '<atem:invoke name="boat.book">\n<atem:parameter name="seats">[1, "a"]</atem:parameter>\n' +
    '<atem:parameter name="note">x</atem:parameter>\n</atem:invoke>\n</atem:function_calls><|eot|>',
};
