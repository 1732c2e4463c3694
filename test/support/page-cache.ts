import { spawnSync } from 'node:child_process';
import { closeSync, openSync, statfsSync } from 'node:fs';
import { dropPageCache } from '../../src/ggml/system.ts';

/** File systems that are the page cache: Linux's numbers for tmpfs and ramfs. */
const inMemory: readonly number[] = [0x01021994, 0x858458f6];

/** Bytes of a file that are in the page cache; undefined where that cannot be seen. */
export function cachedBytes(path: string): number | undefined {
  const { status, stdout } = spawnSync('fincore', ['--bytes', '--noheadings', '--output', 'RES', path]);
  return status === 0 ? Number(stdout) : undefined;
}

/** The reason why the page cache of a file that was just written cannot be watched; undefined if it can. */
export function unwatchable(path: string): string | undefined {
  const cached = cachedBytes(path);
  if (cached === undefined) return 'there is no fincore here to look into the page cache with';
  if (inMemory.includes(statfsSync(path).type)) return 'files for tests are kept in memory';
  return cached === 0 ? 'the page cache of this file system cannot be seen' : undefined;
}

/** Drops a file from the page cache. */
export function evict(path: string): void {
  const fd = openSync(path, 'r');
  dropPageCache(fd, 0, 0);
  closeSync(fd);
}
