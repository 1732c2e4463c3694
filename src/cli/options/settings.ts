import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { EngineError } from '../../base/errors.ts';
import { oneOfWords } from '../../base/nearest-word.ts';
import { parseAddress } from '../../http/address.ts';
import { currentUser, type User } from '../environment.ts';
import type { ConfigFile } from './config-file.ts';
import { type GivenOption, type GivenOptions, isConfigurable, longFlag } from './flags.ts';
import type { AnyOption } from './option-spec.ts';
import { accept } from './schemas.ts';
import { type OptionName, optionEntries, type Settings } from './table.ts';

type Entry = (typeof optionEntries)[number];

/** Options that may come from the environment or the file. */
const configurable = optionEntries.filter(([, { variables }]) => variables !== undefined);

/** Options that may come from the environment and the file in every command. */
const everywhere = configurable.filter(([, option]) => option.everywhere);

/** A name with dashes: "memoryBudget" -> "memory-budget". */
const dashed = (key: string): string => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** An option's names in a configuration file. */
const namesOf = (key: OptionName, { aliases = [] }: AnyOption): readonly string[] => [
  dashed(key),
  ...aliases.filter(({ value }) => value === undefined).map(({ flags }) => longFlag(flags).slice('--'.length)),
];

/** Takes the port out of an address, unless the port is given by itself. */
function withPort(layer: GivenOptions): GivenOptions {
  const { host, port } = layer;
  const found = typeof host?.value === 'string' && !port ? parseAddress(host.value)?.port : undefined;
  return found === undefined || !host ? layer : { ...layer, port: { value: found, from: host.from } };
}

const given = (entries: readonly Entry[], find: (...entry: Entry) => GivenOption | undefined): GivenOptions =>
  withPort(
    Object.fromEntries(
      entries.flatMap(([key, option]) => {
        const found = find(key, option);
        return found?.value === undefined ? [] : [[key, found] as const];
      }),
    ),
  );

/** Options from the environment. Quotes around a variable do not count, and an empty one is not set, as for Ollama. */
const ofEnvironment = ({ environment }: User, entries: readonly Entry[]): GivenOptions =>
  given(entries, (_, { variables = [] }) =>
    variables
      .map((from) => ({ value: environment[from]?.replace(/^["'\s]+|["'\s]+$/g, ''), from }))
      .find(({ value }) => value),
  );

/** Options from the file. Paths count from its folder. */
function ofFile({ path, values }: ConfigFile, { home }: User): GivenOptions {
  const known = configurable.flatMap(([key, spec]) => namesOf(key, spec));
  const unknown = Object.keys(values).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new EngineError('BAD_OPTION', { option: `${path}:`, value: unknown, expected: oneOfWords(unknown, known) });
  }
  const placed = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(placed);
    if (typeof value !== 'string' || value === '') return value;
    return resolve(dirname(path), home === undefined ? value : value.replace(/^~(?=$|[/\\])/, () => home));
  };
  return given(configurable, (key, spec) => {
    const name = namesOf(key, spec).find((name) => values[name] !== undefined) ?? dashed(key);
    return { value: spec.isPath ? placed(values[name]) : values[name], from: `${path}: ${name}` };
  });
}

/**
 * The values that count among flags, the environment and the configuration file. Rejects with UNREADABLE, BAD_OPTION.
 */
async function merged(flags: GivenOptions, user: User, entries: readonly Entry[]): Promise<GivenOptions> {
  const { readConfigFile } = await import('./config-file.ts');
  const file = readConfigFile(flags.config?.value as string | undefined, user);
  const counts = (key: string): boolean => entries.some(([name]) => name === key);
  const inFile = file ? Object.entries(ofFile(file, user)).filter(([key]) => counts(key)) : [];
  return { ...Object.fromEntries(inFile), ...ofEnvironment(user, entries), ...withPort(flags) };
}

/** A setting, with its origin; undefined for the default. */
export interface ConfigurableValue {
  readonly unit: AnyOption['unit'] | undefined;
  readonly byDefault: string | undefined;
  readonly name: string;
  readonly value: unknown;
  readonly from: string | undefined;
}

/** Values of all options that the environment and the file may give, with their origin. Rejects as `settingsOf` does. */
export async function configurableValues(
  config: string | undefined,
  user: User,
): Promise<readonly ConfigurableValue[]> {
  const flags = config === undefined ? {} : { config: { value: config, from: '--config' } };
  const all = await merged(flags, user, configurable);
  return configurable.map(([key, { schema, unit, default: usual, byDefault }]) => {
    const one = all[key];
    const value = one ? accept(schema, one.value, (expected) => refusal(one, expected)) : usual;
    return { name: dashed(key), value, from: one?.from, unit, byDefault };
  });
}

/** The error for a value. */
function refusal({ value, from }: GivenOption, expected: string): EngineError {
  const shown = typeof value === 'string' ? `"${value}"` : JSON.stringify(value);
  return new EngineError('BAD_OPTION', { option: from, value: shown, expected });
}

const filesOf = ({ args }: Command): GivenOptions =>
  args.length > 0 ? { files: { value: args, from: '--files' } } : {};

/**
 * The settings of a command as it was given. Flags win over the environment, and that over the configuration file; for
 * commands that answer once only some options have others than flags. Rejects with UNREADABLE, and with BAD_OPTION, which
 * names the value's origin.
 */
export async function settingsOf(command: Command, user: User = currentUser()): Promise<Settings> {
  const flags: GivenOptions = command.opts();
  const all = isConfigurable(command)
    ? await merged({ ...flags, ...filesOf(command) }, user, configurable)
    : await merged(flags, user, everywhere);
  const values = optionEntries.map(([key, { schema, default: byDefault }]) => {
    const one = all[key];
    return [key, one ? accept(schema, one.value, (expected) => refusal(one, expected)) : byDefault] as const;
  });
  // `optionEntries` has a row for each setting, whose schema gives its type; `fromEntries` forgets both.
  return Object.fromEntries(values) as unknown as Settings;
}
