import { type CallFormat, has } from './call-format.ts';

/** Formats in which the arguments stand behind a name. */
export const namedFormats: readonly CallFormat[] = [
  {
    name: 'DeepSeek R1',
    written: [
      '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>NAME\n```json\n',
      '\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    ],
    recognizes: (template) =>
      template.includes('<｜tool▁call▁begin｜>') && /\w\['type'\]|function<｜tool▁sep｜>/.test(template),
    begins: ['<｜tool▁call▁begin｜>function<｜tool▁sep｜>'],
    around: ['<｜tool▁calls▁begin｜>', '<｜tool▁call▁end｜>', '<｜tool▁calls▁end｜>'],
    syntax: { kind: 'named', nameEnds: ['\n', '```'] },
  },
  {
    name: 'DeepSeek V3.1',
    written: [
      '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>NAME<｜tool▁sep｜>',
      '<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    ],
    recognizes: has('<｜tool▁call▁begin｜>'),
    begins: ['<｜tool▁call▁begin｜>'],
    around: ['<｜tool▁calls▁begin｜>', '<｜tool▁call▁end｜>', '<｜tool▁calls▁end｜>'],
    syntax: { kind: 'named', nameEnds: ['<｜tool▁sep｜>'] },
  },
  {
    name: 'Kimi K2',
    written: [
      '<|tool_calls_section_begin|><|tool_call_begin|>functions.NAME:0<|tool_call_argument_begin|>',
      '<|tool_call_end|><|tool_calls_section_end|>',
    ],
    recognizes: has('<|tool_call_begin|>', '<|tool_call_argument_begin|>'),
    begins: ['<|tool_call_begin|>'],
    around: ['<|tool_calls_section_begin|>', '<|tool_call_end|>', '<|tool_calls_section_end|>'],
    endsThoughts: true,
    syntax: { kind: 'named', nameEnds: ['<|tool_call_argument_begin|>'], prefix: 'functions.', numbered: true },
  },
  {
    name: 'Solar Open',
    written: ['<|tool_calls|><|tool_call:begin|>call<|tool_call:name|>NAME<|tool_call:args|>', '<|tool_call:end|>'],
    recognizes: has('<|tool_call:begin|>', '<|tool_call:name|>'),
    begins: ['<|tool_call:name|>'],
    around: ['<|begin|>assistant', '<|tool_calls|>', '<|tool_call:end|>'],
    syntax: { kind: 'named', nameEnds: ['<|tool_call:args|>'] },
  },
  {
    name: 'Mistral',
    written: ['[TOOL_CALLS]NAME[ARGS]', ''],
    recognizes: has('[TOOL_CALLS]', '[ARGS]'),
    begins: ['[TOOL_CALLS]'],
    syntax: { kind: 'named', nameEnds: ['[CALL_ID]', '[ARGS]', '{'], id: ['[CALL_ID]', '[ARGS]'] },
  },
  {
    name: 'Functionary 3.1',
    written: ['<function=NAME>', '</function>'],
    recognizes: has('<function='),
    begins: ['<function='],
    around: ['</function>'],
    syntax: { kind: 'named', nameEnds: ['>'] },
  },
  {
    name: 'Functionary 3.2',
    written: ['>>>NAME\n', ''],
    recognizes: has('>>>all\\n'),
    begins: ['>>>'],
    bare: true,
    contentName: 'all\n',
    syntax: { kind: 'named', nameEnds: ['\n'] },
  },
  {
    name: 'Gemma 4',
    written: ['<|tool_call>call:NAME', '<tool_call|>'],
    recognizes: has('<|tool_call>'),
    begins: ['<|tool_call>call:'],
    around: ['<tool_call|>'],
    syntax: { kind: 'named', nameEnds: ['{'], quote: '<|"|>' },
  },
  {
    name: 'FunctionGemma',
    written: ['<start_function_call>call:NAME', '<end_function_call>'],
    recognizes: has('<start_function_call>'),
    begins: ['<start_function_call>call:'],
    around: ['<end_function_call>'],
    syntax: { kind: 'named', nameEnds: ['{'], quote: '<escape>' },
  },
];
