/** Reads a small text file; undefined where there is none. */
export type ReadText = (path: string) => string | undefined;

/** The limits that control groups put on this process. */
export interface GroupLimits {
  /** The most bytes that it may ever hold; undefined if nothing limits them. */
  readonly memory: number | undefined;
  /** Bytes that it could still get, clean page cache counted as free; undefined if nothing limits them. */
  readonly available: number | undefined;
  /** Cores that it may keep busy, a fraction perhaps; undefined if nothing limits them. */
  readonly cores: number | undefined;
}

/** A hierarchy of control groups, where it is mounted. */
interface Mount {
  readonly version: 1 | 2;
  /** Controllers of a version 1 hierarchy; version 2 has all of them. */
  readonly controllers: readonly string[];
  /** The group that is seen at `folder`. */
  readonly root: string;
  readonly folder: string;
}

/**
 * The limits that Linux puts on this process by its groups and all groups above them that can be seen: the tightest
 * counts. `read` gives Linux's files. Where version 1 and 2 are both mounted, each controller belongs to one of them.
 */
export function groupLimits(read: ReadText): GroupLimits {
  const memory: { readonly limit: number; readonly available: number }[] = [];
  const cores: number[] = [];
  const groups = groupsOf(read('/proc/self/cgroup') ?? '');
  for (const mount of mountsOf(read('/proc/self/mountinfo') ?? '')) {
    const group = groups.find(({ controllers }) =>
      mount.version === 2
        ? controllers === ''
        : controllers.split(',').some((name) => mount.controllers.includes(name)),
    );
    if (!group) continue;
    const has = (controller: string): boolean => mount.version === 2 || mount.controllers.includes(controller);
    for (const folder of foldersOf(mount, group.path)) {
      const file = (name: string): string => read(`${folder}/${name}`)?.trim() ?? '';
      if (has('memory')) memory.push(mount.version === 2 ? memoryOf2(file) : memoryOf1(file));
      if (has('cpu')) cores.push(mount.version === 2 ? coresOf2(file) : coresOf1(file));
    }
  }
  return {
    memory: least(memory.map(({ limit }) => limit)),
    available: least(memory.map(({ available }) => available)),
    cores: least(cores),
  };
}

type File = (name: string) => string;

const least = (values: readonly number[]): number | undefined => {
  const value = Math.min(...values, Number.POSITIVE_INFINITY);
  return Number.isFinite(value) ? value : undefined;
};

/**
 * A limit in bytes; infinite for "max", an empty file and a number beyond any memory (version 1: 2^63, less a page).
 */
const numberIn = (text: string): number => {
  const value = /^\d+$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
  return value < 2 ** 60 ? value : Number.POSITIVE_INFINITY;
};

function memoryOf2(file: File): { limit: number; available: number } {
  const stat = statsIn(file('memory.stat'));
  const clean = stat('inactive_file') + stat('active_file') - stat('file_dirty') - stat('file_writeback');
  // Above `high` a group is slowed down until it has given memory back.
  const limit = Math.min(numberIn(file('memory.max')), numberIn(file('memory.high')));
  return { limit, available: left(limit, file('memory.current'), clean + stat('slab_reclaimable')) };
}

function memoryOf1(file: File): { limit: number; available: number } {
  const stat = statsIn(file('memory.stat'));
  const sum = (name: string): number => stat(`total_${name}`);
  const clean = sum('inactive_file') + sum('active_file') - sum('dirty') - sum('writeback');
  // The hierarchical limit is that of the groups above too, also of those that cannot be seen from here.
  const hierarchical = stat('hierarchical_memory_limit', Number.POSITIVE_INFINITY);
  const limit = Math.min(numberIn(file('memory.limit_in_bytes')), numberIn(`${hierarchical}`));
  // The kernel frees its records of cached pages together with them, but reports no figure: 28 MiB beside 1 GiB of
  // ext4.
  const kernel = file('memory.kmem.usage_in_bytes');
  const describing = /^\d+$/.test(kernel) ? Math.min(Number(kernel), Math.max(0, clean) / 36) : 0;
  return { limit, available: left(limit, file('memory.usage_in_bytes'), clean + describing) };
}

const left = (limit: number, used: string, clean: number): number => {
  const held = /^\d+$/.test(used) ? Number(used) : 0;
  return Math.max(0, limit - Math.max(0, held - Math.max(0, clean)));
};

/** Reads lines of "name number". */
function statsIn(text: string): (name: string, missing?: number) => number {
  const values = new Map([...text.matchAll(/^(\w+) (\d+)$/gm)].map(([, name, value]) => [name, Number(value)]));
  return (name, missing = 0) => values.get(name) ?? missing;
}

/** "200000 100000": microseconds of computing in each period. */
function coresOf2(file: File): number {
  const [quota = '', period = ''] = file('cpu.max').split(' ');
  return numberIn(quota) / (Number(period) || 100_000);
}

/** A quota of -1 means none. */
const coresOf1 = (file: File): number =>
  numberIn(file('cpu.cfs_quota_us')) / (Number(file('cpu.cfs_period_us')) || 100_000);

/** "4:cpu,cpuacct:/docker/1a2b" and, of version 2, "0::/user.slice". */
const groupsOf = (text: string): readonly { controllers: string; path: string }[] =>
  text.split('\n').flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    return controllers === undefined || path === undefined ? [] : [{ controllers, path }];
  });

/** "34 31 0:31 /docker/1a2b /sys/fs/cgroup/memory ro shared:9 - cgroup cgroup rw,memory" */
const mountsOf = (text: string): readonly Mount[] =>
  text.split('\n').flatMap((line): readonly Mount[] => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root, folder] = before.split(' ').map(unescaped);
    const [type, , options = ''] = after.split(' ');
    if (root === undefined || folder === undefined || (type !== 'cgroup' && type !== 'cgroup2')) return [];
    return [{ version: type === 'cgroup' ? 1 : 2, controllers: options.split(','), root, folder }];
  });

/** Mountinfo writes spaces and the like in octal. */
const unescaped = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

/**
 * The folders of the group at `path` and of the groups above it, as far as they are mounted. In a container the path
 * may be the host's, with the mount showing that group alone.
 */
function foldersOf({ root, folder }: Mount, path: string): readonly string[] {
  const base = root === '/' ? '' : root;
  const below = path === base || path.startsWith(`${base}/`) ? path.slice(base.length) : '';
  const names = below.split('/').filter((name) => name !== '' && name !== '..');
  return names.map((_, i) => [folder, ...names.slice(0, names.length - i)].join('/')).concat(folder);
}
