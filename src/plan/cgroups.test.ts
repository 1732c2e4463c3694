import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { groupLimits } from './cgroups.ts';

const MiB = 2 ** 20;
const unlimited1 = '9223372036854771712';

/** The limits under a made-up tree of files. */
const limitsOf = (files: Readonly<Record<string, string>>) => groupLimits((path) => files[path]);

const mount2 = '30 24 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n';
const mounts1 = `31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
`;
const none = { memory: undefined, available: undefined, cores: undefined };

test('without control groups nothing is limited', () => {
  assert.deepEqual(limitsOf({}), none);
  assert.deepEqual(limitsOf({ '/proc/self/cgroup': '0::/\n', '/proc/self/mountinfo': mount2 }), none);
});

test('version 2: each group above the process counts, and what the page cache holds unchanged is free', () => {
  const limits = limitsOf({
    '/proc/self/cgroup': '0::/a.slice/b.scope\n',
    '/proc/self/mountinfo': mount2,
    '/sys/fs/cgroup/a.slice/memory.max': `${1024 * MiB}\n`,
    '/sys/fs/cgroup/a.slice/memory.high': 'max\n',
    '/sys/fs/cgroup/a.slice/memory.current': `${1000 * MiB}\n`,
    '/sys/fs/cgroup/a.slice/memory.stat': `anon 1\ninactive_file ${800 * MiB}\nactive_file ${100 * MiB}\nfile_dirty ${40 * MiB}\nfile_writeback ${10 * MiB}\nslab_reclaimable ${20 * MiB}\n`,
    '/sys/fs/cgroup/a.slice/b.scope/memory.max': 'max\n',
    '/sys/fs/cgroup/a.slice/b.scope/memory.current': `${900 * MiB}\n`,
    '/sys/fs/cgroup/a.slice/cpu.max': '150000 100000\n',
    '/sys/fs/cgroup/a.slice/b.scope/cpu.max': 'max 100000\n',
  });
  assert.deepEqual(limits, { memory: 1024 * MiB, available: (1024 - 1000 + 870) * MiB, cores: 1.5 });
});

test('version 2: a group is slowed down above its high mark, which is a limit too', () => {
  const group = { '/proc/self/cgroup': '0::/g\n', '/proc/self/mountinfo': mount2 };
  const high = { '/sys/fs/cgroup/g/memory.max': `${8 * MiB}`, '/sys/fs/cgroup/g/memory.high': `${5 * MiB}` };
  assert.equal(limitsOf({ ...group, ...high, '/sys/fs/cgroup/g/memory.current': '0' }).memory, 5 * MiB);
});

test('version 1: each controller has its own tree, and huge numbers are none', () => {
  const limits = limitsOf({
    '/proc/self/cgroup': '4:memory:/pod/c\n1:cpu,cpuacct:/pod\n0::/\n',
    '/proc/self/mountinfo': mounts1,
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': unlimited1,
    '/sys/fs/cgroup/memory/pod/memory.limit_in_bytes': `${512 * MiB}\n`,
    '/sys/fs/cgroup/memory/pod/memory.usage_in_bytes': `${300 * MiB}\n`,
    '/sys/fs/cgroup/memory/pod/memory.stat': `active_file 7\nhierarchical_memory_limit ${512 * MiB}\ntotal_active_file ${60 * MiB}\ntotal_inactive_file ${50 * MiB}\ntotal_dirty ${10 * MiB}\n`,
    '/sys/fs/cgroup/memory/pod/memory.kmem.usage_in_bytes': `${2 * MiB}\n`,
    '/sys/fs/cgroup/memory/pod/c/memory.limit_in_bytes': unlimited1,
    '/sys/fs/cgroup/cpu,cpuacct/pod/cpu.cfs_quota_us': '200000\n',
    '/sys/fs/cgroup/cpu,cpuacct/pod/cpu.cfs_period_us': '100000\n',
    '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1\n',
  });
  assert.deepEqual(limits, { memory: 512 * MiB, available: 314 * MiB, cores: 2 });
});

test('version 1: the limit of a group that cannot be seen from here is told by the hierarchical one', () => {
  const limits = limitsOf({
    '/proc/self/cgroup': '4:memory:/\n',
    '/proc/self/mountinfo': mounts1,
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': unlimited1,
    '/sys/fs/cgroup/memory/memory.usage_in_bytes': `${10 * MiB}`,
    '/sys/fs/cgroup/memory/memory.stat': `hierarchical_memory_limit ${100 * MiB}\n`,
  });
  assert.deepEqual([limits.memory, limits.available], [100 * MiB, 90 * MiB]);
});

test('in a container the path is the host’s or the root, and the mount shows the one group', () => {
  const mounted = (root: string) => `40 30 0:32 ${root} /sys/fs/cgroup/memory ro master:15 - cgroup cgroup rw,memory\n`;
  for (const [path, root] of [
    ['/docker/1a2b', '/docker/1a2b'],
    ['/', '/'],
    ['/docker/1a2b/child', '/docker/1a2b'],
    ['/elsewhere', '/docker/1a2b'],
    ['/../other', '/'],
  ]) {
    const limits = limitsOf({
      '/proc/self/cgroup': `4:memory:${path}\n`,
      '/proc/self/mountinfo': mounted(root ?? ''),
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': `${64 * MiB}`,
    });
    assert.equal(limits.memory, 64 * MiB, `${path} in ${root}`);
  }
});

test('where both versions are mounted, the controllers are looked up where they are', () => {
  const limits = limitsOf({
    '/proc/self/cgroup': '4:memory:/job\n1:name=systemd:/\n0::/\n',
    '/proc/self/mountinfo': `${mounts1}41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n`,
    '/sys/fs/cgroup/memory/job/memory.limit_in_bytes': `${64 * MiB}`,
  });
  assert.deepEqual(limits, { memory: 64 * MiB, available: 64 * MiB, cores: undefined });
});

test('a folder with a space in its name is found', () => {
  const limits = limitsOf({
    '/proc/self/cgroup': '0::/\n',
    '/proc/self/mountinfo': '30 24 0:27 / /my\\040groups rw - cgroup2 none rw\n',
    '/my groups/memory.max': '1000000',
  });
  assert.equal(limits.memory, 1_000_000);
});

test('whatever the files hold, limits are numbers, and what is left is within them', () => {
  const text = fc.oneof(fc.string(), fc.constantFrom('max', '-1', '0', unlimited1, '1048576', '100000 0', 'x 1'));
  fc.assert(
    fc.property(text, text, text, text, text, (limit, used, stat, quota, groups) => {
      const { memory, available, cores } = limitsOf({
        '/proc/self/cgroup': `0::/g\n${groups}`,
        '/proc/self/mountinfo': `${mount2}${stat}`,
        '/sys/fs/cgroup/g/memory.max': limit,
        '/sys/fs/cgroup/g/memory.current': used,
        '/sys/fs/cgroup/g/memory.stat': `inactive_file ${used}\nactive_file ${stat}`,
        '/sys/fs/cgroup/g/cpu.max': quota,
      });
      assert.ok(memory === undefined ? available === undefined : (available ?? Number.NaN) <= memory);
      assert.ok(cores === undefined || cores >= 0);
    }),
  );
});
