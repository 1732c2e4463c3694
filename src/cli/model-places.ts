import { isAbsolute, join } from 'node:path';
import { attempt } from '../base/attempt.ts';
import { readTextFile } from '../base/regular-file.ts';
import type { Store } from '../stores/store.ts';
import { currentUser, type User } from './environment.ts';

/** Places in which models are looked for. */
export interface ModelPlaces {
  /** The folder of our own. */
  readonly folder: string | undefined;
  /** Other programs' stores. */
  readonly stores: readonly Store[];
}

/** The folders in which a system keeps a user's things: data of programs, settings, and what can be found again. */
interface UserFolders {
  readonly data: string | undefined;
  readonly config: string | undefined;
  readonly cache: string | undefined;
}

function foldersOf({ platform, home, environment }: User): UserFolders {
  const inHome = (...names: string[]): string | undefined => home && join(home, ...names);
  const named = (variable: string): string | undefined => environment[variable] || undefined;
  if (platform === 'darwin') {
    const support = inHome('Library', 'Application Support');
    return { data: support, config: support, cache: inHome('Library', 'Caches') };
  }
  if (platform === 'win32') {
    const local = named('LOCALAPPDATA') ?? inHome('AppData', 'Local');
    return { data: local, config: named('APPDATA') ?? inHome('AppData', 'Roaming'), cache: local };
  }
  const xdg = (variable: string, ...names: string[]): string | undefined => {
    const folder = named(variable);
    return folder !== undefined && isAbsolute(folder) ? folder : inHome(...names);
  };
  return {
    data: xdg('XDG_DATA_HOME', '.local', 'share'),
    config: xdg('XDG_CONFIG_HOME', '.config'),
    cache: xdg('XDG_CACHE_HOME', '.cache'),
  };
}

/** The folder for models of our own; undefined for a user without a home. */
function usualModelsFolder(user: User): string | undefined {
  const { data } = foldersOf(user);
  return data && join(data, 'ssd-llm', 'models');
}

/** The other programs' stores of a user, whether or not they are there. */
function storesOf(user: User): readonly Store[] {
  const { home, environment, platform } = user;
  const { data, config, cache } = foldersOf(user);
  const inHome = (...names: string[]): string | undefined => home && join(home, ...names);
  const within = (folder: string | undefined, ...names: string[]): string | undefined =>
    folder && join(folder, ...names);
  const pointer = home && attempt(() => readTextFile(join(home, '.lmstudio-home-pointer'), 4096).trim());
  const lmStudio = pointer || inHome('.lmstudio');
  const ollama = environment['OLLAMA_MODELS']
    ? [environment['OLLAMA_MODELS']]
    : // Where Linux runs it as a service, its models are that user's.
      [inHome('.ollama', 'models'), ...(platform === 'linux' ? ['/usr/share/ollama/.ollama/models'] : [])];
  const huggingFace =
    environment['HF_HUB_CACHE'] ??
    within(environment['HF_HOME'] || within(environment['XDG_CACHE_HOME'] || inHome('.cache'), 'huggingface'), 'hub');
  const jan = within(config, 'Jan', 'data');
  const janOnLinux = within(data, 'Jan', 'data');
  const places: readonly (readonly [Store['owner'], string | undefined])[] = [
    // The demo's model; beside it lies what was measured.
    ['ssd-llm', platform === 'win32' ? within(cache, 'ssd-llm', 'cache') : within(cache, 'ssd-llm')],
    ...ollama.map((folder) => ['Ollama', folder] as const),
    ['LM Studio', within(lmStudio, 'models')],
    ['LM Studio', inHome('.cache', 'lm-studio', 'models')],
    ['Hugging Face', huggingFace],
    ['Jan', within(janOnLinux, 'llamacpp', 'models')],
    ['Jan', within(jan, 'llamacpp', 'models')],
    ['Jan', inHome('jan', 'models')],
    ['llama.cpp', environment['LLAMA_CACHE'] || within(cache, 'llama.cpp')],
  ];
  const unique = new Map(places.flatMap(([owner, folder]) => (folder ? [[folder, { owner, folder }] as const] : [])));
  return [...unique.values()];
}

/** The places for a command: the named folder alone, or else our own and other programs' stores. */
export function placesFor(named: string | undefined, user: User = currentUser()): ModelPlaces {
  if (named !== undefined) return { folder: named, stores: [] };
  return { folder: usualModelsFolder(user), stores: storesOf(user) };
}
