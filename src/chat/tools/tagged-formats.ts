import { type CallFormat, has } from './call-format.ts';
import type { TaggedSyntax } from './tagged-calls.ts';

/** Tags with the names as attributes, under a prefix: `<invoke name="tide"><parameter name="city">`. */
export const attributes = (prefix: string, attribute?: (type: string) => string): TaggedSyntax => ({
  kind: 'tagged',
  nameEnds: ['"'],
  headEnd: '>',
  parameter: {
    begin: `<${prefix}parameter name="`,
    nameEnd: '"',
    headEnd: '>',
    end: `</${prefix}parameter>`,
    ...(attribute && { attribute }),
  },
  end: `</${prefix}invoke>`,
});

/** Tags with the names behind an equals sign: `<function=tide><parameter=city>`. */
const equations: TaggedSyntax = {
  kind: 'tagged',
  nameEnds: ['>'],
  headEnd: '>',
  parameter: { begin: '<parameter=', nameEnd: '>', headEnd: '>', end: '</parameter>' },
  end: '</function>',
};

/** Text in front of each tag of MiniMax M3. */
const minimax = ']<]minimax[>[';

/** Formats in which arguments stand between tags. */
export const taggedFormats: readonly CallFormat[] = [
  {
    name: 'DeepSeek V3.2',
    written: [
      '<｜DSML｜function_calls>\n<｜DSML｜invoke name="NAME">\n',
      '</｜DSML｜invoke>\n</｜DSML｜function_calls>',
    ],
    recognizes: has('｜DSML｜', 'invoke'),
    begins: ['<｜DSML｜invoke name="'],
    around: ['<｜DSML｜function_calls>', '</｜DSML｜function_calls>', '<｜DSML｜tool_calls>', '</｜DSML｜tool_calls>'],
    endsThoughts: true,
    syntax: attributes('｜DSML｜', (type) => ` string="${type === 'string'}"`),
  },
  {
    name: 'Kimi K3',
    written: [
      '<|open|>tools<|sep|><|open|>call tool="NAME" index="1"<|sep|>',
      '<|close|>call<|sep|><|close|>tools<|sep|>',
    ],
    recognizes: has('<|open|>', '<|close|>', 'argument'),
    begins: ['<|open|>call tool="'],
    drops: ['<|open|>response<|sep|>', '<|close|>response<|sep|>', '<|close|>message<|sep|>'],
    around: ['<|open|>tools<|sep|>', '<|close|>tools<|sep|>'],
    endsThoughts: true,
    syntax: {
      kind: 'tagged',
      nameEnds: ['"'],
      headEnd: '<|sep|>',
      parameter: {
        begin: '<|open|>argument key="',
        nameEnd: '"',
        headEnd: '<|sep|>',
        end: '<|close|>argument<|sep|>',
        attribute: (type) => ` type="${type}"`,
      },
      end: '<|close|>call<|sep|>',
    },
  },
  {
    name: 'GLM 4.5',
    written: ['<tool_call>NAME\n', '</tool_call>'],
    recognizes: has('<arg_key>', '<arg_value>'),
    begins: ['<tool_call>'],
    syntax: {
      kind: 'tagged',
      nameEnds: ['\n', '<'],
      parameter: { begin: '<arg_key>', nameEnd: '</arg_key>', headEnd: '<arg_value>', end: '</arg_value>' },
      end: '</tool_call>',
    },
  },
  {
    name: 'Hunyuan 3',
    written: [
      '<tool_calls:opensource>\n<tool_call:opensource>NAME<tool_sep:opensource>\n',
      '</tool_call:opensource>\n</tool_calls:opensource>',
    ],
    recognizes: has("'<tool_call{}>'", "'<arg_key{}>'"),
    begins: ['<tool_call:opensource>'],
    around: ['<tool_calls:opensource>', '</tool_calls:opensource>'],
    syntax: {
      kind: 'tagged',
      nameEnds: ['<tool_sep:opensource>'],
      headEnd: '<tool_sep:opensource>',
      parameter: {
        begin: '<arg_key:opensource>',
        nameEnd: '</arg_key:opensource>',
        headEnd: '<arg_value:opensource>',
        end: '</arg_value:opensource>',
      },
      end: '</tool_call:opensource>',
    },
  },
  {
    name: 'MiniMax M3',
    written: [`${minimax}<tool_call>\n${minimax}<invoke name="NAME">`, `${minimax}</invoke>\n${minimax}</tool_call>`],
    recognizes: has(minimax, '<invoke name='),
    begins: [`${minimax}<invoke name="`],
    around: [`${minimax}<tool_call>`, `${minimax}</tool_call>`],
    endsThoughts: true,
    syntax: { kind: 'elements', nameEnd: '">', mark: minimax, item: 'item', end: `${minimax}</invoke>` },
  },
  {
    name: 'MiniMax M2',
    written: ['<minimax:tool_call>\n<invoke name="NAME">\n', '</invoke>\n</minimax:tool_call>'],
    recognizes: has('<minimax:tool_call>', '<invoke name='),
    begins: ['<invoke name="'],
    around: ['<minimax:tool_call>', '</minimax:tool_call>'],
    syntax: attributes(''),
  },
  {
    name: 'Seed OSS',
    written: ['<seed:tool_call>\n<function=NAME>\n', '</function>\n</seed:tool_call>'],
    recognizes: has('<seed:tool_call>', '<function='),
    begins: ['<function='],
    around: ['<seed:tool_call>', '</seed:tool_call>'],
    syntax: equations,
  },
  {
    name: 'Qwen 3 Coder',
    written: ['<tool_call>\n<function=NAME>\n', '</function>\n</tool_call>'],
    recognizes: has('<tool_call>', '<function=', '<parameter='),
    begins: ['<function='],
    around: ['<tool_call>', '</tool_call>'],
    endsThoughts: true,
    syntax: { ...equations, lines: true },
  },
  {
    name: 'MiniCPM 5',
    written: ['<function name="NAME">', '</function>'],
    recognizes: has('<function name="', '<param name="'),
    begins: ['<function name="'],
    syntax: {
      kind: 'tagged',
      nameEnds: ['"'],
      headEnd: '>',
      parameter: { begin: '<param name="', nameEnd: '"', headEnd: '>', end: '</param>' },
      end: '</function>',
    },
  },
];
