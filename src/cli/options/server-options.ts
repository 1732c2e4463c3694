import * as z from 'zod';
import { parseAddress } from '../../http/address.ts';
import { keepAliveSchema } from '../../http/request/keep-alive.ts';
import { type LogFormat, type LogLevel, logFormats, logLevels } from './log-level.ts';
import type { OptionSpecs } from './option-spec.ts';
import { auto, list, named, numberOrText, truth, whole } from './schemas.ts';

/** Settings of a server, and of its models. Undefined values are chosen. */
export interface ServerSettings {
  /** Models that are served: names, or GGUF files. */
  readonly files: readonly string[];
  /** The one folder in which models are looked for. */
  readonly models?: string | undefined;
  readonly host: string;
  readonly port: number;
  /** Sequences computed together. */
  readonly parallel?: number | undefined;
  /** Requests that may wait. */
  readonly maxQueue: number;
  readonly apiKey?: string | undefined;
  /** Whether there is a page at /ui. */
  readonly ui: boolean;
  readonly origins: readonly string[];
  /** Seconds that a model stays loaded; Infinity is forever. */
  readonly keepAlive: number;
  readonly config?: string | undefined;
  readonly logLevel: LogLevel;
  /** Undefined: lines for people where they go to a terminal. */
  readonly logFormat?: LogFormat | undefined;
}

/** Seconds that a model stays loaded by default. */
const usualKeepAlive = 300;

const expectedHost = 'an address: 127.0.0.1, localhost:11434, [::1]:11434 or http://0.0.0.0:11434';
const host: z.ZodType<string> = z.lazy(() =>
  named(expectedHost).transform((text, context) => {
    const address = parseAddress(text);
    if (address) return address.host;
    context.addIssue({ code: 'custom', message: expectedHost });
    return z.NEVER;
  }),
);

/** Zero is auto, as for Ollama. */
const parallel = z.preprocess(
  (value) => (numberOrText(value) === 0 ? 'auto' : value),
  auto(whole('a number of sequences', 1, 256)),
);

export const serverOptions: OptionSpecs<ServerSettings> = {
  files: {
    // Arguments of the command, and never a variable, since paths may have commas in them.
    flags: '[models...]',
    help: 'names of models, or GGUF files; of a split model, any part',
    schema: z.array(named('a name or a GGUF file'), 'a list of names and GGUF files'),
    default: [],
    commands: [],
    variables: [],
    isPath: true,
  },
  models: {
    flags: '--models <dir>',
    help: 'look for models in this folder alone, and the folders in it',
    schema: named('a folder').optional(),
    byDefault: 'our own and those of other programs',
    commands: ['run', 'chat', 'embed', 'serve', 'list', 'pull', 'show', 'create', 'cp', 'rm', 'info', 'bench'],
    words: {
      serve: { help: 'serve the models of this folder, and of the folders in it, too' },
      create: { help: 'make it in this folder, and look for models there alone' },
      pull: { help: 'download it to this folder', byDefault: 'our own' },
    },
    variables: ['SSD_LLM_MODELS'],
    everywhere: true,
    isPath: true,
  },
  host: {
    flags: '--host <address>',
    help: 'where the server listens',
    schema: host,
    default: '127.0.0.1',
    commands: ['serve', 'ps'],
    variables: ['SSD_LLM_HOST', 'OLLAMA_HOST'],
  },
  port: {
    flags: '--port <n>',
    help: 'its port there',
    schema: whole('a port', 0, 65535),
    default: 11434,
    commands: ['serve', 'ps'],
    variables: ['SSD_LLM_PORT'],
  },
  parallel: {
    flags: '--parallel <n>',
    help: 'requests that are answered at once',
    schema: parallel,
    byDefault: 'auto, up to 4',
    commands: ['serve'],
    variables: ['SSD_LLM_NUM_PARALLEL', 'SSD_LLM_MAX_BATCH', 'OLLAMA_NUM_PARALLEL'],
    aliases: [{ flags: '--max-batch <n>' }],
  },
  maxQueue: {
    flags: '--max-queue <n>',
    help: 'requests that may wait beside them',
    schema: whole('a number of requests', 0, 1e6),
    default: 512,
    commands: ['serve'],
    variables: ['SSD_LLM_MAX_QUEUE', 'OLLAMA_MAX_QUEUE'],
  },
  apiKey: {
    flags: '--api-key <key>',
    help: 'answer only those who have this key',
    schema: named('a key that is not empty').optional(),
    commands: ['serve', 'ps'],
    words: { ps: { help: "the server's key, if it has one" } },
    variables: ['SSD_LLM_API_KEY'],
  },
  ui: {
    flags: '--ui',
    help: 'show at /ui what the server does, and a chat',
    schema: truth,
    default: true,
    commands: ['serve'],
    variables: ['SSD_LLM_UI'],
    aliases: [{ flags: '--no-ui', value: false, help: 'without the page' }],
  },
  origins: {
    flags: '--origins <list>',
    help: 'web pages that may ask, with commas between them',
    schema: list('web origins, with commas between them: https://example.com'),
    default: [],
    byDefault: 'none',
    commands: ['serve'],
    variables: ['SSD_LLM_ORIGINS', 'OLLAMA_ORIGINS'],
  },
  keepAlive: {
    flags: '--keep-alive <time>',
    unit: 'seconds',
    help: 'how long an idle model stays loaded: 1h30m, 90, 0, or -1 for ever',
    schema: keepAliveSchema.transform((seconds = usualKeepAlive) => seconds),
    default: usualKeepAlive,
    byDefault: '5m',
    commands: ['serve'],
    variables: ['SSD_LLM_KEEP_ALIVE', 'OLLAMA_KEEP_ALIVE'],
  },
  config: {
    flags: '--config <file>',
    help: "settings in TOML, instead of the user's own file",
    schema: z.string().optional(),
    commands: ['serve', 'list', 'ps', 'config'],
  },
  logLevel: {
    flags: '--log-level <level>',
    help: 'the least that is logged to stderr',
    schema: z.enum(logLevels, `one of ${logLevels.join(', ')}`),
    default: 'info',
    commands: ['serve'],
    variables: ['SSD_LLM_LOG_LEVEL'],
    everywhere: true,
  },
  logFormat: {
    flags: '--log-format <format>',
    help: 'lines of the log: text for people, or json for programs',
    schema: z.enum(logFormats, `one of ${logFormats.join(', ')}`).optional(),
    byDefault: 'text at a terminal, else json',
    commands: ['serve'],
    variables: ['SSD_LLM_LOG_FORMAT'],
  },
};
