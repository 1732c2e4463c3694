import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** libuv's threads if nobody asked for more. */
const usualIoThreads = 4;

/** Threads that read and compute beside JavaScript's; the launcher asks for eight. */
export const ioThreads = (): number => Number(process.env['UV_THREADPOOL_SIZE']) || usualIoThreads;

/** Where this user keeps what can be found out again; SSD_LLM_CACHE says otherwise. Undefined for a user without a home. */
export function cacheFolder(): string | undefined {
  const { env, platform } = process;
  if (env['SSD_LLM_CACHE']) return env['SSD_LLM_CACHE'];
  try {
    if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'ssd-llm');
    if (platform === 'win32') return join(env['LOCALAPPDATA'] || join(homedir(), 'AppData', 'Local'), 'ssd-llm');
    const xdg = env['XDG_CACHE_HOME'] ?? '';
    return join(isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'ssd-llm');
  } catch {
    return undefined;
  }
}
