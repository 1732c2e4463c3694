import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** libuv's threads if nobody asked for more. */
const usualIoThreads = 4;

/** Threads that read and compute beside JavaScript's; the launcher asks for eight. */
export const ioThreads = (): number => Number(process.env['UV_THREADPOOL_SIZE']) || usualIoThreads;

/** Which of ggml's CPU variants is to compute instead of the one that suits this processor best: x64, haswell, ... */
export const cpuVariant = (): string | undefined => process.env['SSD_LLM_CPU'] || undefined;

/** Whoever started the program, as far as settings depend on that. */
export interface User {
  readonly platform: NodeJS.Platform;
  /** Undefined for a user without one. */
  readonly home: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export function currentUser(): User {
  const { env: environment, platform } = process;
  return { platform, home: homeFolder(), environment };
}

function homeFolder(): string | undefined {
  try {
    // An empty HOME would make every folder in it one of wherever the command was started.
    return homedir() || undefined;
  } catch {
    return undefined;
  }
}

/** Where this user's configuration is looked for. Undefined for a user without a home. */
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

/** Where this user keeps what can be found out again; SSD_LLM_CACHE says otherwise. Undefined for a user without a home. */
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
