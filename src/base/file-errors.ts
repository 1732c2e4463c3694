import { formatBytes } from './bytes.ts';
import type { ErrorTable } from './error-details.ts';

/** Errors of files, folders and disks. */
export const fileErrors: ErrorTable<
  | 'UNREADABLE'
  | 'UNWRITABLE'
  | 'READ_FAILED'
  | 'WRITE_FAILED'
  | 'SESSION_UNREADABLE'
  | 'FILE_IN_USE'
  | 'NO_ROOM'
  | 'WRONG_SUM'
  | 'KV_SPACE'
  | 'IN_MEMORY'
  | 'FILE_CHANGED'
> = {
  UNREADABLE: [
    'failure',
    (d) => `${d.file} cannot be read (${d.reason}); check that it is a file and that you may read it`,
  ],
  UNWRITABLE: [
    'failure',
    (d) => `${d.file} cannot be written (${d.reason}); check that its folder exists and that you may write there`,
  ],
  READ_FAILED: [
    'failure',
    (d) => `reading ${d.file} at byte ${d.offset} failed (${d.reason}); check the disk and the file`,
  ],
  WRITE_FAILED: [
    'failure',
    (d) => `writing ${d.file} at byte ${d.offset} failed (${d.reason}); check the disk it is on`,
  ],
  SESSION_UNREADABLE: [
    'usage',
    (d) => `${d.file} is no session of ours (${d.reason}); name another file, or a new one`,
  ],
  FILE_IN_USE: [
    'failure',
    (d) =>
      `${d.file} is in use by another process${d.pid === undefined ? '' : ` (${d.pid})`}; wait until that has ended, name another file, or, if there is none, remove ${d.lock}`,
  ],
  NO_ROOM: [
    'failure',
    (d) =>
      `no room for ${formatBytes(d.bytes)} in ${d.folder}, where ${formatBytes(d.free)} are free; free space there, or name another folder with --models`,
    (d) =>
      `no room for ${formatBytes(d.bytes)} in ${d.folder}, where ${formatBytes(d.free)} are free; the server needs space there`,
  ],
  WRONG_SUM: [
    'failure',
    (d) => `the bytes of ${d.file} have the sum ${d.found}, not ${d.expected}: they are damaged; try again`,
  ],
  KV_SPACE: [
    'failure',
    (d) =>
      `no room for ${formatBytes(d.bytes)} of keys and values in ${d.folder} (${d.reason}); free space there, name another folder with --kv-dir, or lower --ctx`,
    (d) =>
      `no room for ${formatBytes(d.bytes)} of keys and values in ${d.folder} (${d.reason}); the server needs space there, or ask for a shorter context`,
  ],
  IN_MEMORY: [
    'usage',
    (d) =>
      `${d.folder} is on a ${d.fileSystem}: what is written there takes memory beside the budget; name a folder on an SSD with --kv-dir or --prompt-cache-dir`,
    (d) =>
      `${d.folder} is on a ${d.fileSystem}: what is written there takes memory beside the budget; the server needs a folder on an SSD`,
  ],
  FILE_CHANGED: [
    'failure',
    (d) =>
      `${d.file} became shorter while it was in use (nothing to read at byte ${d.offset}); restore it and start again`,
  ],
};
