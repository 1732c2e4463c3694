import { randomUUID } from 'node:crypto';
import { closeSync, constants, mkdirSync, openSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../base/errors.ts';
import { disablePageCache, reserve } from '../ggml/system.ts';
import type { OpenedFile } from '../stream/reader.ts';

const pattern = /^ssd-llm-(\d+)-[0-9a-f-]+\.kv-tmp$/;

/**
 * A file of `bytes` in `folder` for keys and values, its space reserved. It has no name from the start, so that it is
 * gone however the process ends. Throws KV_SPACE.
 */
export function openKvFile(folder: string, bytes: number): OpenedFile {
  const path = join(folder, `ssd-llm-${process.pid}-${randomUUID()}.kv-tmp`);
  let fd: number | undefined;
  try {
    mkdirSync(folder, { recursive: true });
    const opened = openPastCache(path);
    fd = opened.fd;
    // Where a file in use cannot lose its name, the next start finds it.
    rmSync(path, { force: true });
    reserve(fd, bytes);
    return { path, size: bytes, ...opened };
  } catch (cause) {
    if (fd !== undefined) closeSync(fd);
    rmSync(path, { force: true });
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new EngineError('KV_SPACE', { folder, bytes, reason }, { cause });
  }
}

/** Removes from `folder` what processes left there that were killed before their file had lost its name; their paths. */
export function removeAbandoned(folder: string): readonly string[] {
  const removed: string[] = [];
  for (const name of listed(folder)) {
    const pid = Number(pattern.exec(name)?.[1]);
    if (!Number.isInteger(pid) || isAlive(pid)) continue;
    const path = join(folder, name);
    try {
      rmSync(path);
      removed.push(path);
    } catch {
      // Somebody else's, or gone already.
    }
  }
  return removed;
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

function openPastCache(path: string): { fd: number; direct: boolean } {
  const flags = constants.O_CREAT | constants.O_EXCL | constants.O_RDWR;
  const mode = 0o600;
  if (constants.O_DIRECT !== undefined) {
    try {
      return { fd: openSync(path, flags | constants.O_DIRECT, mode), direct: true };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
    }
  }
  // Where direct access was refused, the file is there all the same.
  rmSync(path, { force: true });
  const fd = openSync(path, flags, mode);
  return { fd, direct: disablePageCache(fd) };
}
