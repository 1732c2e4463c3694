import { dirname, resolve } from 'node:path';
import * as z from 'zod';
import { EngineError } from '../base/errors.ts';
import { parseBytes } from '../base/size.ts';
import type { Kernels } from '../engine/planner.ts';
import { type RopeScaling, ropeRanges, ropeScalings } from '../model/rope.ts';
import { type KvType, kvHomes, kvTypes, type WantedHome } from '../plan/kv-choice.ts';
import { parseAddress } from '../serve/address.ts';
import { keepAlive } from '../serve/ollama/options.ts';
import { type ConfigFile, readConfigFile } from './config-file.ts';
import type { User } from './environment.ts';
import { type LogLevel, logLevels } from './log-level.ts';

/** What a server is told. Sizes are bytes; what is left out is chosen. */
export interface Settings {
  /** GGUF files. */
  readonly files: readonly string[];
  /** A folder of them. */
  readonly models?: string | undefined;
  readonly host: string;
  readonly port: number;
  readonly memoryBudget?: number | undefined;
  /** Tokens. */
  readonly ctx?: number | undefined;
  /** Sequences at once. */
  readonly parallel?: number | undefined;
  /** Requests that may wait. */
  readonly maxQueue: number;
  readonly apiKey?: string | undefined;
  readonly origins: readonly string[];
  /** Seconds; Infinity is forever. */
  readonly keepAlive: number;
  /** 0 is none. */
  readonly promptCache?: number | undefined;
  readonly promptCacheDir?: string | undefined;
  /** Guess ahead by what followed earlier in the text, by a GGUF file, at most so many tokens, and no more than pays. */
  readonly draftNgram: boolean;
  readonly draftModel?: string | undefined;
  readonly draftAhead?: number | undefined;
  readonly adaptiveDraft: boolean;
  readonly kvType: KvType;
  readonly slidingWindow?: number | undefined;
  readonly sinkTokens?: number | undefined;
  readonly kvHome: WantedHome;
  readonly kvDir?: string | undefined;
  /** Where models are not to do as they say: times that contexts are stretched, how, and the base of frequencies. */
  readonly ropeScale?: number | undefined;
  readonly ropeScaling?: RopeScaling | undefined;
  readonly ropeBase?: number | undefined;
  readonly kernels: Kernels;
  readonly threads?: number | undefined;
  readonly logLevel: LogLevel;
}

type Key = keyof Settings;

/** As the command line has them: texts, by the names of the settings. `config` names a file. */
export type Flags = Readonly<Record<string, unknown>> & { readonly config?: string };

/** A number as such, or as text. */
const numeric = (value: unknown): unknown =>
  typeof value === 'string' && /^\s*\d+\s*$/.test(value) ? Number(value) : value;

const whole = (what: string, min: number, max: number): z.ZodType<number> => {
  const expected = `${what} from ${min} to ${max}`;
  return z.preprocess(numeric, z.int(expected).min(min, expected).max(max, expected));
};

const decimal = (value: unknown): unknown =>
  typeof value === 'string' && /^\s*\d+(\.\d+)?(e\d+)?\s*$/i.test(value) ? Number(value) : value;

const ranged = ({ min, max, expected }: { min: number; max: number; expected: string }): z.ZodType<number> =>
  z.preprocess(decimal, z.number(expected).min(min, expected).max(max, expected));

const auto = <T>(schema: z.ZodType<T>): z.ZodType<T | undefined> =>
  z.preprocess((value) => (value === 'auto' ? undefined : value), schema.optional());

const text = (expected: string): z.ZodType<string> => z.string(expected).trim().min(1, expected);

/** Texts, or one with commas. */
const list = (expected: string): z.ZodType<string[]> =>
  z.preprocess(
    (value) => (typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value),
    z.array(text(expected), expected),
  );

const expectedSize = 'a size: 8G, 1.5G, 512M or a number of bytes; or auto';
const size: z.ZodType<number> = z.union([z.string(), z.number()], expectedSize).transform((value, context) => {
  try {
    return parseBytes(`${value}`);
  } catch (error) {
    const { hint } = (error as EngineError<'BAD_SIZE'>).details;
    context.addIssue({ code: 'custom', message: hint === undefined ? expectedSize : `${expectedSize} (${hint})` });
    return z.NEVER;
  }
});

/** As such, or as text. */
const truth: z.ZodType<boolean> = z.preprocess(
  (value) => ({ true: true, false: false, 1: true, 0: false })[`${value}`],
  z.boolean('true or false'),
);

const none = z.preprocess(numeric, z.literal(0));
const expectedHost = 'an address: 127.0.0.1, localhost:11434, [::1]:11434 or http://0.0.0.0:11434';

const schema = z.object({
  files: z.array(text('a GGUF file'), 'a list of GGUF files').default([]),
  models: text('a folder').optional(),
  host: text(expectedHost)
    .transform((host) => parseAddress(host)?.host)
    .refine((host) => host !== undefined, expectedHost)
    .default('127.0.0.1'),
  port: whole('a port', 0, 65535).default(11434),
  memoryBudget: auto(size),
  ctx: auto(whole('a number of tokens', 1, 2 ** 24)),
  // Ollama says 0 for auto.
  parallel: auto(
    z.union(
      [none.transform(() => undefined), whole('a number of sequences', 0, 256)],
      'a number of sequences from 1 to 256',
    ),
  ),
  maxQueue: whole('a number of requests', 0, 1e6).default(512),
  apiKey: text('a key that is not empty').optional(),
  origins: list('web origins, with commas between them: https://example.com').default([]),
  keepAlive: keepAlive.transform((seconds = 300) => seconds),
  promptCache: auto(z.union([none, size], `${expectedSize}, or 0 for none`)),
  promptCacheDir: text('a folder').optional(),
  draftNgram: truth.default(false),
  draftModel: text('a GGUF file').optional(),
  draftAhead: auto(whole('a number of tokens', 1, 64)),
  adaptiveDraft: truth.default(true),
  kvType: z.enum(kvTypes, 'f16, q8_0 or q4_0').default('f16'),
  slidingWindow: whole('a number of tokens', 1, 2 ** 24).optional(),
  sinkTokens: whole('a number of tokens', 0, 256).optional(),
  kvHome: z.enum(kvHomes, 'auto, ram or ssd').default('auto'),
  kvDir: text('a folder').optional(),
  ropeScale: auto(ranged(ropeRanges.scale)),
  ropeScaling: auto(z.enum(ropeScalings, 'none, linear or yarn')),
  ropeBase: auto(ranged(ropeRanges.base)),
  kernels: z.enum(['auto', 'plain'], 'auto or plain').default('auto'),
  threads: auto(whole('a number of threads', 1, 512)),
  logLevel: z.enum(logLevels, `one of ${logLevels.join(', ')}`).default('info'),
});

const keys = Object.keys(schema.shape) as readonly Key[];

/** Other names of settings, which count where the first is not given. */
const otherNames: Readonly<Partial<Record<Key, string>>> = { parallel: 'maxBatch', threads: 'tensorParallel' };
const namesOf = (key: Key): readonly string[] => [key, ...[otherNames[key] ?? []].flat()];

/** "memoryBudget" -> "memory-budget" */
const dashed = (key: string): string => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const ownNames: Readonly<Partial<Record<Key, string>>> = { parallel: 'SSD_LLM_NUM_PARALLEL' };
const variable = (name: string): string => `SSD_LLM_${dashed(name).replaceAll('-', '_').toUpperCase()}`;
const variablesOf = (key: Key): readonly string[] =>
  namesOf(key).map((name) => (name === key ? ownNames[key] : undefined) ?? variable(name));

/** Ollama's names, which count where ours are not set. */
const ollamaNames: Readonly<Partial<Record<Key, string>>> = {
  host: 'OLLAMA_HOST',
  models: 'OLLAMA_MODELS',
  keepAlive: 'OLLAMA_KEEP_ALIVE',
  parallel: 'OLLAMA_NUM_PARALLEL',
  maxQueue: 'OLLAMA_MAX_QUEUE',
  origins: 'OLLAMA_ORIGINS',
};

/** A value, and where it was given. */
interface Given {
  readonly value: unknown;
  readonly from: string;
}

type Layer = Readonly<Partial<Record<Key, Given>>>;

const layer = (find: (key: Key) => Given | undefined): Layer => {
  const found = keys.flatMap((key) => {
    const given = find(key);
    return given?.value === undefined ? [] : [[key, given] as const];
  });
  return withPort(Object.fromEntries(found));
};

/** An address may have the port in it, which counts where it stands unless the port is given by itself. */
function withPort(layer: Layer): Layer {
  const { host, port } = layer;
  const found = host && !port ? parseAddress(`${host.value}`)?.port : undefined;
  return found === undefined || !host ? layer : { ...layer, port: { value: found, from: host.from } };
}

const ofFlags = (flags: Flags): Layer =>
  layer((key) =>
    namesOf(key)
      .map((name) => ({ value: flags[name], from: `--${dashed(name)}` }))
      .find(({ value }) => value !== undefined),
  );

/** As for Ollama, quotes around a variable do not count, and an empty one is not set. */
const ofEnvironment = ({ environment }: User): Layer =>
  layer((key) => {
    // Paths may have commas in them.
    if (key === 'files') return undefined;
    const names = [...variablesOf(key), ollamaNames[key] ?? ''];
    const set = names.map((from) => ({ value: environment[from]?.replace(/^["'\s]+|["'\s]+$/g, ''), from }));
    return set.find(({ value }) => value);
  });

/** Paths count from the file's folder. */
function ofFile({ path, values }: ConfigFile, { home }: User): Layer {
  const known = keys.flatMap(namesOf).map(dashed);
  const unknown = Object.keys(values).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new EngineError('BAD_OPTION', { option: `${path}:`, value: unknown, expected: `one of ${known.join(', ')}` });
  }
  const placed = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(placed);
    if (typeof value !== 'string' || value === '') return value;
    return resolve(dirname(path), home === undefined ? value : value.replace(/^~(?=$|[/\\])/, () => home));
  };
  return layer((key) => {
    const name =
      namesOf(key)
        .map(dashed)
        .find((name) => values[name] !== undefined) ?? dashed(key);
    return { value: paths.has(key) ? placed(values[name]) : values[name], from: `${path}: ${name}` };
  });
}

const paths: ReadonlySet<Key> = new Set(['files', 'models', 'promptCacheDir', 'draftModel', 'kvDir']);

/**
 * The settings: flags win over the environment, that over the file, and each is checked. Throws BAD_OPTION, which says
 * where the value came from, and UNREADABLE.
 */
export function settingsOf(flags: Flags, user: User): Settings {
  const file = readConfigFile(flags.config, user);
  const given: Layer = { ...(file && ofFile(file, user)), ...ofEnvironment(user), ...ofFlags(flags) };
  const values = Object.fromEntries(Object.entries(given).map(([key, { value }]) => [key, value]));
  const { data, error } = schema.safeParse(values);
  if (data) return data satisfies Settings;
  const [issue] = error.issues;
  if (!issue) throw error;
  const { from: option = '', value } = given[issue.path[0] as Key] ?? {};
  throw new EngineError('BAD_OPTION', { option, value: shown(value), expected: expectationOf(issue) });
}

/** What was expected, in our words: of several things for which there are none, the last. */
function expectationOf(issue: z.core.$ZodIssue): string {
  const ours = !/^Invalid input/.test(issue.message);
  const [last] = (!ours && issue.code === 'invalid_union' && issue.errors.at(-1)) || [];
  return last ? expectationOf(last) : issue.message.replace(/^expected /, '');
}

const shown = (value: unknown): string => (typeof value === 'string' ? `"${value}"` : JSON.stringify(value));
