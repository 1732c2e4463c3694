import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { EngineError } from '../../base/errors.ts';
import { parseAddress } from '../../serve/address.ts';
import type { ConfigFile } from '../config-file.ts';
import { currentUser, type User } from '../environment.ts';
import { type Layer, longFlag, type SettingSource } from './flags.ts';
import type { AnyOption, CommandName } from './option-spec.ts';
import { accept } from './schemas.ts';
import { type Key, optionEntries, type Settings } from './table.ts';

/** Commands whose options may come from the environment and a configuration file, too. */
const areConfigurable: readonly CommandName[] = ['serve', 'list', 'ps'];

/** Options that may come from there. */
const configurable = optionEntries.filter(([, { variables }]) => variables !== undefined);

/** "memoryBudget" -> "memory-budget" */
const dashed = (key: string): string => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** An option's names in a configuration file. */
const namesOf = (key: Key, { aliases = [] }: AnyOption): readonly string[] => [
  dashed(key),
  ...aliases.filter(({ value }) => value === undefined).map(({ flags }) => longFlag(flags).slice('--'.length)),
];

/** An address may have the port in it, which counts where it stands unless the port is given by itself. */
function withPort(layer: Layer): Layer {
  const { host, port } = layer;
  const found = typeof host?.value === 'string' && !port ? parseAddress(host.value)?.port : undefined;
  return found === undefined || !host ? layer : { ...layer, port: { value: found, from: host.from } };
}

const layerOf = (find: (key: Key, spec: AnyOption) => SettingSource | undefined): Layer =>
  withPort(
    Object.fromEntries(
      configurable.flatMap(([key, spec]) => {
        const given = find(key, spec);
        return given?.value === undefined ? [] : [[key, given] as const];
      }),
    ),
  );

/** As for Ollama, quotes around a variable do not count, and an empty one is not set. */
const ofEnvironment = ({ environment }: User): Layer =>
  layerOf((_, { variables = [] }) =>
    variables
      .map((from) => ({ value: environment[from]?.replace(/^["'\s]+|["'\s]+$/g, ''), from }))
      .find(({ value }) => value),
  );

/** Paths count from the file's folder. */
function ofFile({ path, values }: ConfigFile, { home }: User): Layer {
  const known = configurable.flatMap(([key, spec]) => namesOf(key, spec));
  const unknown = Object.keys(values).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new EngineError('BAD_OPTION', { option: `${path}:`, value: unknown, expected: `one of ${known.join(', ')}` });
  }
  const placed = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(placed);
    if (typeof value !== 'string' || value === '') return value;
    return resolve(dirname(path), home === undefined ? value : value.replace(/^~(?=$|[/\\])/, () => home));
  };
  return layerOf((key, spec) => {
    const name = namesOf(key, spec).find((name) => values[name] !== undefined) ?? dashed(key);
    return { value: spec.isPath ? placed(values[name]) : values[name], from: `${path}: ${name}` };
  });
}

/** What was given, checked, and the defaults of the rest. Throws what `refusal` makes of a value and what was expected. */
function checked(given: Layer, refusal: (given: SettingSource, expected: string) => Error): Settings {
  const values = optionEntries.map(([key, { schema, default: usual }]) => {
    const found = given[key];
    return [key, found ? accept(schema, found.value, (expected) => refusal(found, expected)) : usual] as const;
  });
  return Object.fromEntries(values) as unknown as Settings;
}

/** What counts of flags, the environment and the configuration file. Rejects with UNREADABLE, BAD_OPTION. */
async function configured(flags: Layer, user: User): Promise<Layer> {
  const { readConfigFile } = await import('../config-file.ts');
  const file = readConfigFile(flags.config?.value as string | undefined, user);
  return { ...(file && ofFile(file, user)), ...ofEnvironment(user), ...withPort(flags) };
}

/**
 * The settings of a command as it was given, of which `files` are arguments. What serves can be set in the environment
 * too, and in a configuration file; flags win over the environment, and that over the file. Rejects with UNREADABLE;
 * BAD_OPTION, which says where a value came from; and commander's errors for flags of the other commands.
 */
export async function settingsOf(
  command: Command,
  files: readonly string[] = [],
  user: User = currentUser(),
): Promise<Settings> {
  const flags: Layer = command.opts();
  if (!areConfigurable.includes(command.name() as CommandName)) {
    return checked(flags, ({ value, from }, expected) => {
      const used = command.options.find(({ long }) => long === from)?.flags;
      return command.error(`error: option '${used}' argument '${value}' is invalid. expected ${expected}.`, {
        code: 'commander.invalidArgument',
      });
    });
  }
  const named: Layer = files.length > 0 ? { files: { value: files, from: '--files' } } : {};
  return checked(await configured({ ...flags, ...named }, user), ({ value, from: option }, expected) => {
    const shown = typeof value === 'string' ? `"${value}"` : JSON.stringify(value);
    return new EngineError('BAD_OPTION', { option, value: shown, expected });
  });
}
