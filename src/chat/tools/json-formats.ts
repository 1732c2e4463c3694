import { type CallFormat, has } from './call-format.ts';

const json = { kind: 'json', nameKey: 'name', argumentsKey: 'arguments' } as const;

/** Formats in which a call is a JSON object. */
export const jsonFormats: readonly CallFormat[] = [
  {
    name: 'Mistral Nemo',
    written: ['[TOOL_CALLS][{"name": "NAME", "arguments": ', '}]'],
    recognizes: has('[TOOL_CALLS]'),
    begins: ['[TOOL_CALLS]'],
    syntax: { ...json, idKey: 'id', idLast: true },
  },
  {
    name: 'Command R7B',
    written: ['<|START_ACTION|>[\n    {"tool_call_id": "0", "tool_name": "NAME", "parameters": ', '}\n]<|END_ACTION|>'],
    recognizes: has('<|START_ACTION|>'),
    begins: ['<|START_ACTION|>'],
    around: ['<|END_ACTION|>'],
    drops: ['<|START_RESPONSE|>', '<|END_RESPONSE|>', '<|START_TEXT|>', '<|END_TEXT|>'],
    syntax: { kind: 'json', nameKey: 'tool_name', argumentsKey: 'parameters', idKey: 'tool_call_id' },
  },
  {
    name: 'Command R+',
    written: ['Action:\n```json\n[{"tool_name": "NAME", "parameters": ', '}]\n```'],
    recognizes: has('Action:', 'tool_name'),
    begins: ['Action:\n```json', 'Action: ```json'],
    around: ['```'],
    syntax: { kind: 'json', nameKey: 'tool_name', argumentsKey: 'parameters' },
  },
  {
    name: 'Nemotron Nano 2',
    written: ['<TOOLCALL>[{"name": "NAME", "arguments": ', '}]</TOOLCALL>'],
    recognizes: has('<TOOLCALL>'),
    begins: ['<TOOLCALL>'],
    around: ['</TOOLCALL>'],
    syntax: json,
  },
  {
    name: 'Apertus',
    written: ['<|tools_prefix|>[{"NAME": ', '}]<|tools_suffix|>'],
    recognizes: has('<|tools_prefix|>'),
    begins: ['<|tools_prefix|>'],
    around: ['<|tools_suffix|>'],
    syntax: { kind: 'json' },
  },
  {
    name: 'Firefunction 2',
    written: [' functools[{"name": "NAME", "arguments": ', '}]'],
    recognizes: has('functools['),
    begins: ['functools'],
    syntax: json,
  },
  {
    name: 'GigaChat 3.1',
    written: ['<|function_call|>{"name": "NAME", "arguments": ', '}'],
    recognizes: has('<|function_call|>'),
    begins: ['<|function_call|>'],
    syntax: json,
  },
  {
    name: 'GigaChat 3',
    written: ['<|message_sep|>\n\nfunction call<|role_sep|>\n{"name": "NAME", "arguments": ', '}'],
    recognizes: has('function call', '<|role_sep|>'),
    begins: ['<|message_sep|>\n\nfunction call<|role_sep|>\n'],
    syntax: json,
  },
  {
    name: 'Granite 3',
    written: ['<|tool_call|>[{"name": "NAME", "arguments": ', '}]'],
    recognizes: has('<|tool_call|>'),
    begins: ['<|tool_call|>'],
    around: ['<|/tool_call|>'],
    syntax: json,
  },
  {
    name: 'Apriel 1.5',
    written: ['<tool_calls>[{"name": "NAME", "arguments": ', '}]</tool_calls>'],
    recognizes: has('<tool_calls>'),
    begins: ['<tool_calls>'],
    around: ['</tool_calls>'],
    bare: true,
    syntax: json,
  },
  {
    name: 'Llama 3',
    written: ['{"name": "NAME", "parameters": ', '}'],
    alsoBefore: ['{"type": "function", "name": "NAME", "parameters": '],
    recognizes: (template) =>
      template.includes('<|python_tag|>') || /"parameters": dictionary of argument/.test(template),
    begins: ['<|python_tag|>'],
    bare: true,
    syntax: { kind: 'json', nameKey: 'name', argumentsKey: 'parameters' },
  },
  {
    name: 'Hermes',
    written: ['<tool_call>\n{"name": "NAME", "arguments": ', '}\n</tool_call>'],
    recognizes: has('<tool_call>'),
    begins: ['<tool_call>'],
    around: ['</tool_call>'],
    bare: true,
    syntax: json,
  },
];
