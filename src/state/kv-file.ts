import { closeSync, constants, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../base/attempt.ts';
import { EngineError } from '../base/errors.ts';
import { makeFolder } from '../base/folder.ts';
import { unfinishedPath } from '../base/replace-file.ts';
import { HostMemory } from '../ggml/host-memory.ts';
import { disablePageCache, pageBytes, reserve } from '../ggml/system.ts';
import type { OpenedFile } from '../pager/reader.ts';

/** File of keys and values: it is never finished, so that the next process removes it. */
export const kvFileName = 'ssd-llm-kv';

/**
 * A file of `bytes` in `folder` for keys and values, its space reserved. It loses its name at once, so that it is gone
 * however the process ends. Throws KV_SPACE.
 */
export function openKvFile(folder: string, bytes: number): OpenedFile {
  const path = unfinishedPath(join(folder, kvFileName));
  const opened: number[] = [];
  try {
    makeFolder(folder);
    const buffered = openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_RDWR, 0o600);
    opened.push(buffered);
    const direct = openDirect(path);
    if (direct !== undefined) opened.push(direct);
    // A file in use that cannot lose its name is found by the next start.
    rmSync(path, { force: true });
    reserve(buffered, bytes);
    if (direct === undefined || !takesDirect(direct)) {
      if (direct !== undefined) closeSync(direct);
      return { path, size: bytes, fd: buffered, direct: disablePageCache(buffered) };
    }
    closeSync(buffered);
    return { path, size: bytes, fd: direct, direct: true };
  } catch (cause) {
    for (const fd of opened) closeSync(fd);
    attempt(() => rmSync(path));
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new EngineError('KV_SPACE', { folder, bytes, reason }, { cause });
  }
}

/** Opens for direct reads and writes; undefined where the file system refuses that. */
function openDirect(path: string): number | undefined {
  if (constants.O_DIRECT === undefined) return undefined;
  try {
    return openSync(path, constants.O_RDWR | constants.O_DIRECT);
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

/** True if direct reads and writes work: some file systems refuse them only then. */
function takesDirect(fd: number): boolean {
  using memory = new HostMemory(pageBytes, 'a page');
  memory.clear();
  try {
    writeSync(fd, memory.view(0, pageBytes), 0, pageBytes, 0);
    readSync(fd, memory.view(0, pageBytes), 0, pageBytes, 0);
    return true;
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
}

const isRefusal = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EINVAL';
