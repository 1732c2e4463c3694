import { closeSync, constants, fstatSync, openSync, readSync, realpathSync, type Stats, statSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { attempt } from './attempt.ts';

/** Windows has no such flag, and no pipes among its files. */
const forReading = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/**
 * Opens a regular file for reading. A pipe would wait for its writer, and a device may act when it is opened: both are
 * refused. Rejects with the system's errors, or with one that names the kind of file.
 */
export async function openRegularFile(path: string): Promise<FileHandle> {
  checkRegular(await stat(path));
  const file = await open(path, forReading);
  try {
    // Another file may have taken its place.
    checkRegular(await file.stat());
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Opens like `openRegularFile`, at once. Returns a file descriptor. */
export function openRegularFileSync(path: string): number {
  checkRegular(statSync(path));
  const fd = openSync(path, forReading);
  try {
    checkRegular(fstatSync(fd));
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** The text of a regular file of no more than `most` bytes. Throws the errors of `openRegularFileSync`. */
export function readTextFile(path: string, most: number): string {
  const fd = openRegularFileSync(path);
  try {
    const { size } = fstatSync(fd);
    if (size > most) throw new Error(`it has ${size} bytes, more than ${most}`);
    const bytes = Buffer.alloc(size);
    let filled = 0;
    for (let read = -1; read !== 0 && filled < size; filled += read)
      read = readSync(fd, bytes, filled, size - filled, filled);
    return bytes.toString('utf8', 0, filled);
  } finally {
    closeSync(fd);
  }
}

/** The path that links lead to; `path` itself where nothing is yet. */
export const realPath = (path: string): string => attempt(() => realpathSync(path)) ?? path;

/** The system's reason for a failure: its code, or else the whole message. */
export const reasonOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? (error as Error).message;

function checkRegular(stats: Stats): void {
  if (stats.isFile()) return;
  throw new Error(`it is ${kindOf(stats)}, not a file`);
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a folder';
  if (stats.isFIFO()) return 'a named pipe';
  if (stats.isSocket()) return 'a socket';
  return 'a device';
}
