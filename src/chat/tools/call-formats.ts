import { type CallFormat, has } from './call-format.ts';
import { jsonFormats } from './json-formats.ts';
import { messageFormats } from './message-formats.ts';
import { namedFormats } from './named-formats.ts';
import { taggedFormats } from './tagged-formats.ts';

/** Formats in which a call is written as in Python. */
const pythonFormats: readonly CallFormat[] = [
  {
    name: 'LFM 2',
    written: ['<|tool_call_start|>[NAME(', ')]<|tool_call_end|>'],
    recognizes: (template) => /<\|tool_call_start\|>|<\|tool_list_start\|>|keep_past_thinking/.test(template),
    begins: ['<|tool_call_start|>'],
    around: ['<|tool_call_end|>'],
    syntax: { kind: 'python' },
  },
  {
    name: 'Llama 4',
    written: ['[NAME(', ')]'],
    recognizes: has('<|python_start|>'),
    begins: ['<|python_start|>'],
    around: ['<|python_end|>'],
    bare: true,
    syntax: { kind: 'python' },
  },
  {
    name: 'OLMo 3',
    written: ['<function_calls>NAME(', ')</function_calls>'],
    recognizes: has('<function_calls>', '<functions>'),
    begins: ['<function_calls>'],
    around: ['</function_calls>'],
    bare: true,
    syntax: { kind: 'python' },
  },
];

/** Formats of all families; the first that recognizes a template is its format. */
export const callFormats: readonly CallFormat[] = [
  ...messageFormats,
  ...taggedFormats,
  ...namedFormats,
  ...pythonFormats,
  ...jsonFormats,
];
