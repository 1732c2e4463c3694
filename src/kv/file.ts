import { randomUUID } from 'node:crypto';
import { closeSync, constants, openSync, readdirSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../base/errors.ts';
import { makeFolder } from '../base/folder.ts';
import { HostMemory } from '../ggml/host-memory.ts';
import { disablePageCache, pageBytes, reserve } from '../ggml/system.ts';
import type { OpenedFile } from '../stream/reader.ts';

const pattern = /^ssd-llm-(\d+)-[0-9a-f-]+\.kv-tmp$/;

/**
 * A file of `bytes` in `folder` for keys and values, its space reserved. It loses its name at once, so that it is gone
 * however the process ends. Throws KV_SPACE.
 */
export function openKvFile(folder: string, bytes: number): OpenedFile {
  const path = join(folder, `ssd-llm-${process.pid}-${randomUUID()}.kv-tmp`);
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
    remove(path);
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new EngineError('KV_SPACE', { folder, bytes, reason }, { cause });
  }
}

/** Removes the files of processes that were killed before their file had lost its name. Returns the paths. */
export function removeAbandoned(folder: string): readonly string[] {
  const removed: string[] = [];
  for (const name of listed(folder)) {
    const pid = Number(pattern.exec(name)?.[1]);
    if (!Number.isInteger(pid) || isAlive(pid)) continue;
    const path = join(folder, name);
    if (remove(path)) removed.push(path);
  }
  return removed;
}

/** Removes a file; false if it is somebody else's, or gone already. */
function remove(path: string): boolean {
  try {
    rmSync(path);
    return true;
  } catch {
    return false;
  }
}

function listed(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
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
