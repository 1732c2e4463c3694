import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** Threads of libuv if nobody asked for more. */
const usualIoThreads = 4;

/** Threads that read and compute beside JavaScript's; the launcher asks for eight. */
export const ioThreads = (): number => Number(process.env['UV_THREADPOOL_SIZE']) || usualIoThreads;

/** The CPU variant of ggml to use instead of the one that suits this processor best: x64, haswell, ... */
export const cpuVariant = (): string | undefined => process.env['SSD_LLM_CPU'] || undefined;

/** The user of the program, as far as settings depend on that. */
export interface User {
  readonly platform: NodeJS.Platform;
  /** The home folder; undefined for a user without one. */
  readonly home: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export function currentUser(): User {
  const { env: environment, platform } = process;
  return { platform, home: homeFolder(), environment };
}

function homeFolder(): string | undefined {
  try {
    // An empty HOME would make every folder in it one of the current folder.
    return homedir() || undefined;
  } catch {
    return undefined;
  }
}

/** The place of this user's configuration. Undefined for a user without a home. */
export function usualConfigFile({ platform, home, environment }: User): string | undefined {
  const inHome = (...folders: string[]): string | undefined => home && join(home, ...folders);
  const folder = (): string | undefined => {
    if (platform === 'darwin') return inHome('Library', 'Application Support');
    if (platform === 'win32') return environment['APPDATA'] || inHome('AppData', 'Roaming');
    const xdg = environment['XDG_CONFIG_HOME'] ?? '';
    return isAbsolute(xdg) ? xdg : inHome('.config');
  };
  const found = folder();
  return found && join(found, 'ssd-llm', 'config.toml');
}

/** The folder for data that can be found again; SSD_LLM_CACHE names another. Undefined for a user without a home. */
export function cacheFolder({ platform, home, environment }: User = currentUser()): string | undefined {
  if (environment['SSD_LLM_CACHE']) return environment['SSD_LLM_CACHE'];
  const inHome = (...folders: string[]): string | undefined => home && join(home, ...folders);
  const folder = (): string | undefined => {
    if (platform === 'darwin') return inHome('Library', 'Caches');
    if (platform === 'win32') return environment['LOCALAPPDATA'] || inHome('AppData', 'Local');
    const xdg = environment['XDG_CACHE_HOME'] ?? '';
    return isAbsolute(xdg) ? xdg : inHome('.cache');
  };
  const found = folder();
  return found && join(found, 'ssd-llm');
}
