import assert from 'node:assert/strict';
import { statfsSync } from 'node:fs';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { checkOnDisk, memoryFileSystem } from './memory-folder.ts';
import { upperFolder } from './overlay.ts';

const shared = '/dev/shm';
const isMemory = (): boolean => process.platform === 'linux' && statfsSync(shared).type === 0x01021994;

test('a folder whose files take memory is told, also before it is made', (t) => {
  if (!isMemory()) return t.skip(`${shared} is no tmpfs here`);
  assert.equal(memoryFileSystem(shared), 'tmpfs');
  assert.equal(memoryFileSystem(`${shared}/none/below`), 'tmpfs');
  assert.throws(() => checkOnDisk(`${shared}/none`), engineError('IN_MEMORY', `${shared}/none`));
});

test('what no file system tells of is taken for a disk', () => {
  assert.equal(memoryFileSystem('/proc/none/below'), undefined);
  checkOnDisk('/proc/none');
});

test('an overlay is where its upper folder is', () => {
  const mounts = [
    '30 1 8:1 / / rw - ext4 /dev/sda1 rw',
    '45 30 0:300 / /merged rw,relatime - overlay overlay rw,lowerdir=/a:/b,upperdir=/run/upper,workdir=/run/work',
    '46 30 0:301 / /ro ro - overlay overlay ro,lowerdir=/a:/b',
  ].join('\n');
  const device = (minor: number): number => (minor & 0xff) | ((minor & ~0xff) << 12);
  assert.equal(upperFolder(mounts, device(300)), '/run/upper');
  assert.equal(upperFolder(mounts, device(301)), undefined);
  assert.equal(upperFolder(mounts, device(302)), undefined);
});
