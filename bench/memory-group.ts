import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A memory cgroup: processes in it are killed rather than given more than the limit, page cache included. */
export interface MemoryGroup extends Disposable {
  /** A command that runs the command after it in the group. */
  readonly wrapper: readonly string[];
  /** The most memory that the group has held, in bytes. */
  peak(): number;
}

interface Version {
  readonly root: string;
  readonly limit: string;
  readonly peak: string;
}

const versions: readonly Version[] = [
  { root: '/sys/fs/cgroup/memory', limit: 'memory.limit_in_bytes', peak: 'memory.max_usage_in_bytes' },
  { root: '/sys/fs/cgroup', limit: 'memory.max', peak: 'memory.peak' },
];

/** Makes a group limited to `bytes`, or returns why none can be made here (not Linux, not root, no controller). */
export function memoryGroup(bytes: number): MemoryGroup | string {
  let reason = 'there are no cgroups';
  for (const { root, limit, peak } of versions) {
    const path = join(root, `ssd-llm-${process.pid}`);
    try {
      mkdirSync(path);
    } catch (error) {
      reason = (error as Error).message;
      continue;
    }
    try {
      writeFileSync(join(path, limit), `${bytes}`);
      readFileSync(join(path, peak));
      return {
        wrapper: ['sh', '-c', `echo $$ > ${join(path, 'cgroup.procs')} && exec "$@"`, 'sh'],
        peak: () => Number(readFileSync(join(path, peak), 'utf8')),
        [Symbol.dispose]: () => rmdirSync(path),
      };
    } catch (error) {
      reason = (error as Error).message;
      rmdirSync(path);
    }
  }
  return reason;
}
