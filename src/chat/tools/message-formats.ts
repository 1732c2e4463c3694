import { type CallFormat, has } from './call-format.ts';
import { attributes } from './tagged-formats.ts';

/** Formats in which an answer is made of messages. */
export const messageFormats: readonly CallFormat[] = [
  {
    name: 'gpt-oss',
    written: ['<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>', '<|call|>'],
    recognizes: has('<|channel|>', 'functions.'),
    begins: ['<|channel|>commentary to=functions.'],
    syntax: {
      kind: 'messages',
      headBegins: [' to=', 'to=', '<|channel|>'],
      headEnd: '<|message|>',
      ends: ['<|end|>', '<|call|>', '<|return|>', '<|start|>'],
      own: ['assistant'],
      thinks: /<\|channel\|>\s*analysis(?!.*<\|channel\|>)/s,
      prefix: 'functions.',
      written: {
        thoughts: '<|channel|>analysis<|message|>',
        text: '<|channel|>final<|message|>',
        next: ['<|end|>', '<|start|>assistant'],
      },
    },
  },
  {
    name: 'Muse',
    written: [
      ' to=NAME<|message|><atem:function_calls>\n<atem:invoke name="NAME">\n',
      '</atem:invoke>\n</atem:function_calls>',
    ],
    recognizes: has('<atem:function_calls>', '<|message|>'),
    begins: ['<atem:invoke name="'],
    trigger: '<atem:function_calls>',
    syntax: {
      kind: 'messages',
      headBegins: [' to=', 'to=', '<|message|>'],
      headEnd: '<|message|>',
      ends: ['<|eom|>', '<|eot|>', '<|start|>'],
      own: ['self', 'user'],
      thinks: / to=self$/,
      prefix: '',
      written: {
        thoughts: ' to=self<|message|>',
        text: ' to=user<|message|>',
        next: ['<|eom|>', '<|start|>assistant'],
      },
      calls: {
        around: ['<atem:function_calls>', '</atem:function_calls>'],
        begin: '<atem:invoke name="',
        syntax: attributes('atem:'),
      },
    },
  },
];
