import * as z from 'zod';
import type { ReportFormat } from '../print/bench-report.ts';
import type { OptionSpecs } from './option-spec.ts';
import { named, oneOf, truth, whole } from './schemas.ts';

/** Settings of single commands: their work, and the form of their output. */
export interface CommandSettings {
  readonly prompt?: string | undefined;
  readonly system?: string | undefined;
  readonly raw: boolean;
  /** A JSON schema, or the file that it is in. */
  readonly jsonSchema?: string | undefined;
  /** A grammar, or the file that it is in. */
  readonly gbnf?: string | undefined;
  /** Whether control tokens in messages are these tokens. */
  readonly parseSpecial: boolean;
  /** A conversation's file. */
  readonly session?: string | undefined;
  /** A file with texts, a line each; a Modelfile. */
  readonly file?: string | undefined;
  readonly part?: (typeof modelParts)[number] | undefined;
  readonly format: 'plain' | 'json' | 'jsonl';
  /** Elements of an embedding. */
  readonly dimensions?: number | undefined;
  readonly truncate: boolean;
  readonly tokens: number;
  readonly promptTokens: number;
  readonly rounds: number;
  readonly cold: boolean;
  /** Undefined: text at a terminal, else md. */
  readonly output?: ReportFormat | undefined;
  /** The file of a picture. */
  readonly chart?: string | undefined;
  /** The file of a page. */
  readonly html?: string | undefined;
  readonly report: boolean;
  /** Whether a registry is asked without encryption. */
  readonly insecure: boolean;
  readonly tensors: boolean;
  readonly budgets: boolean;
  readonly verbose: boolean;
  readonly json: boolean;
}

/** Parts of a model that can be shown alone. */
const modelParts = ['license', 'modelfile', 'parameters', 'system', 'template'] as const;

export const commandOptions: OptionSpecs<CommandSettings> = {
  prompt: {
    flags: '-p, --prompt <text>',
    help: 'the prompt; left out, it is read from stdin',
    schema: z.string().optional(),
    commands: ['run', 'bench'],
    words: { bench: { help: 'text to answer instead of made-up tokens' } },
    conflicts: ['promptTokens'],
  },
  system: {
    flags: '--system <text>',
    help: 'instructions that come before the prompt',
    schema: z.string().optional(),
    commands: ['run', 'chat'],
    words: { chat: { help: 'instructions that come before the conversation' } },
  },
  raw: {
    flags: '--raw',
    help: "send the prompt as it is, without the model's chat template",
    schema: truth,
    default: false,
    commands: ['run'],
  },
  jsonSchema: {
    flags: '--json-schema <file>',
    help: 'answer with JSON of this schema; - is stdin, and the schema itself may stand in place of its file',
    schema: named('a file, a schema, or - for stdin').optional(),
    byDefault: 'any text',
    commands: ['run'],
    conflicts: ['gbnf'],
    aliases: [{ flags: '--json-mode', value: '{"type":"object"}', help: 'answer with a JSON object of any kind' }],
  },
  gbnf: {
    flags: '--grammar <file>',
    help: "answer within this grammar, in llama.cpp's notation (GBNF); - is stdin",
    schema: named('a file, a grammar, or - for stdin').optional(),
    byDefault: 'any text',
    commands: ['run'],
    conflicts: ['jsonSchema'],
  },
  parseSpecial: {
    flags: '--parse-special',
    help: 'read names of control tokens in messages as these tokens, not as text',
    schema: truth,
    default: false,
    commands: ['run', 'chat'],
  },
  session: {
    flags: '--session <file>',
    help: 'go on with the conversation in this file, and keep it there',
    schema: z.string().optional(),
    commands: ['run', 'chat'],
  },
  file: {
    flags: '-f, --file <file>',
    help: 'embed each line of this file; - is stdin',
    schema: z.string().optional(),
    byDefault: 'stdin, where no texts are given',
    commands: ['embed', 'create'],
    words: { create: { help: 'the Modelfile; - is stdin', byDefault: 'Modelfile, in this folder' } },
  },
  part: {
    flags: '--part <part>',
    help: `print only this part: ${modelParts.join(', ')}`,
    schema: oneOf(modelParts).optional(),
    byDefault: 'an overview',
    commands: ['show'],
    aliases: modelParts.map((part) => ({ flags: `--${part}`, value: part, help: `print its ${part} only` })),
  },
  format: {
    flags: '--format <format>',
    help: 'what to print: plain (numbers, a line for each text), json, or jsonl with the texts',
    schema: oneOf(['plain', 'json', 'jsonl']),
    default: 'plain',
    commands: ['embed'],
    aliases: [{ flags: '--json', value: 'json', help: 'the same as --format json' }],
  },
  dimensions: {
    flags: '--dimensions <n>',
    help: 'the first elements of each embedding, scaled to length 1',
    schema: whole('a number of elements', 1).optional(),
    byDefault: 'all',
    commands: ['embed'],
  },
  truncate: {
    flags: '--truncate',
    help: 'leave out the end of texts that are longer than the context, instead of failing',
    schema: truth,
    default: false,
    commands: ['embed'],
  },
  tokens: {
    flags: '-n, --tokens <n>',
    help: 'tokens to decode in each round',
    schema: whole('a number of tokens', 1),
    default: 16,
    commands: ['bench'],
  },
  promptTokens: {
    flags: '--prompt-tokens <n>',
    help: 'tokens of each prompt',
    schema: whole('a number of tokens', 1),
    default: 128,
    commands: ['bench'],
  },
  rounds: {
    flags: '-r, --rounds <n>',
    help: 'times that everything is measured',
    schema: whole('a number of rounds', 1),
    default: 3,
    commands: ['bench'],
  },
  cold: {
    flags: '--cold',
    help: 'drop the model from the page cache before it is opened',
    schema: truth,
    default: false,
    commands: ['bench'],
  },
  output: {
    flags: '-o, --output <format>',
    help: 'what to print: text, md, json or csv',
    schema: oneOf(['text', 'md', 'json', 'csv']).optional(),
    byDefault: 'text at a terminal, else md',
    commands: ['bench'],
    aliases: [{ flags: '--json', value: 'json', help: 'the same as --output json' }],
  },
  chart: {
    flags: '--chart <file>',
    help: 'draw where the time of one token went, as SVG',
    schema: z.string().optional(),
    commands: ['bench'],
  },
  html: {
    flags: '--html <file>',
    help: 'write a page that can be shared: figures, budget, layers, and one token as a timeline',
    schema: z.string().optional(),
    commands: ['bench'],
  },
  report: {
    flags: '--report',
    help: 'print what others want to know of a device, in Markdown: its test, its speeds, how far it is from the CPU',
    schema: truth,
    default: false,
    commands: ['bench'],
    conflicts: ['output', 'chart', 'html', 'json'],
  },
  insecure: {
    flags: '--insecure',
    help: 'ask a registry without encryption',
    schema: truth,
    default: false,
    commands: ['pull'],
  },
  tensors: {
    flags: '--tensors',
    help: 'list every tensor with its type, shape and size',
    schema: truth,
    default: false,
    commands: ['info'],
  },
  budgets: {
    flags: '--budgets',
    help: 'compare memory budgets: what stays, what streams, and how fast that is',
    schema: truth,
    default: false,
    commands: ['info'],
  },
  verbose: {
    flags: '-v, --verbose',
    help: 'print the plan and timings to stderr',
    schema: truth,
    default: false,
    commands: ['run', 'chat', 'show'],
    words: {
      chat: { help: 'print the plan, and timings after each answer, to stderr' },
      show: { help: 'print all metadata, too' },
    },
  },
  json: {
    flags: '--json',
    help: 'print JSON instead of text',
    schema: truth,
    default: false,
    commands: ['run', 'list', 'show', 'ps', 'devices', 'info', 'config'],
  },
};
