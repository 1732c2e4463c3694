import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { attempt } from './attempt.ts';
import { EngineError } from './errors.ts';
import { reasonOf } from './regular-file.ts';

/** Bytes that this user may still write to the disk of a folder, which need not be there yet; undefined if no one knows. */
export function roomIn(folder: string): number | undefined {
  const stats = attempt(() => statfsSync(folder));
  if (stats) return stats.bavail * stats.bsize;
  return dirname(folder) === folder ? undefined : roomIn(dirname(folder));
}

/** Throws NO_ROOM if the disk of a folder has not so many bytes free. */
export function checkRoom(folder: string, bytes: number): void {
  const free = roomIn(folder);
  if (free !== undefined && free < bytes) throw new EngineError('NO_ROOM', { folder, bytes, free });
}

/** The error of a write that failed, where `bytes` were still to come. */
export function writeFailure(file: string, cause: unknown, bytes: number): EngineError {
  const reason = reasonOf(cause);
  const folder = dirname(file);
  // A full disk whose room cannot be asked for has none.
  if (reason === 'ENOSPC') return new EngineError('NO_ROOM', { folder, bytes, free: roomIn(folder) ?? 0 }, { cause });
  return new EngineError('UNWRITABLE', { file, reason }, { cause });
}
