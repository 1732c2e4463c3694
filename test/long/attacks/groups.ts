import { type MemoryGroup, memoryGroup } from '../../../bench/memory-group.ts';
import { until } from '../../support/processes.ts';
import { skipped, type Toll } from './attack.ts';

/** Tries an attack where memory cgroups can be made; elsewhere says why it is skipped. */
export async function whereGrouped(attack: () => Promise<Toll>): Promise<Toll> {
  const group = memoryGroup(2 ** 30);
  if (typeof group === 'string') return skipped(`no memory cgroup can be made here: ${group}`);
  group[Symbol.dispose]();
  return await attack();
}

/** Does `work` with a memory cgroup of so many bytes, which is removed when the last process in it has ended. */
export async function grouped<T>(bytes: number, work: (group: MemoryGroup) => Promise<T>): Promise<T> {
  const group = memoryGroup(bytes);
  if (typeof group === 'string') throw new Error(group);
  try {
    return await work(group);
  } finally {
    await until(() => removed(group));
  }
}

/** False while a process is left in it. */
function removed(group: MemoryGroup): boolean {
  try {
    group[Symbol.dispose]();
    return true;
  } catch {
    return false;
  }
}
