import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A memory cgroup: processes in it are killed rather than given more than the limit, page cache included. */
export interface MemoryGroup extends Disposable {
  /** A command that runs the command after it in the group. */
  readonly wrapper: readonly string[];
  /** The most memory that the group has held, in bytes. */
  peak(): number;
  /** Processes that were killed because the group would have held more. */
  killed(): number;
}

interface Version {
  readonly root: string;
  readonly limit: string;
  readonly peak: string;
  /** Where the processes that were killed are counted. */
  readonly events: string;
  /** Where children of the root are given the controller, if that has to be said. */
  readonly controllers?: string;
}

const versions: readonly Version[] = [
  {
    root: '/sys/fs/cgroup/memory',
    limit: 'memory.limit_in_bytes',
    peak: 'memory.max_usage_in_bytes',
    events: 'memory.oom_control',
  },
  {
    root: '/sys/fs/cgroup',
    limit: 'memory.max',
    peak: 'memory.peak',
    events: 'memory.events',
    controllers: 'cgroup.subtree_control',
  },
];

/** A process may make several, one after the other or at once. */
let groups = 0;

/** Makes a group limited to `bytes`, or returns why none can be made here (not Linux, not root, no controller). */
export function memoryGroup(bytes: number): MemoryGroup | string {
  let reason = 'there are no cgroups';
  groups += 1;
  for (const { root, limit, peak, events, controllers } of versions) {
    const path = join(root, `ssd-llm-${process.pid}-${groups}`);
    try {
      if (controllers && existsSync(join(root, controllers))) writeFileSync(join(root, controllers), '+memory');
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
        killed: () => Number(/^oom_kill (\d+)$/m.exec(readFileSync(join(path, events), 'utf8'))?.[1]),
        [Symbol.dispose]: () => rmdirSync(path),
      };
    } catch (error) {
      reason = (error as Error).message;
      rmdirSync(path);
    }
  }
  return reason;
}
