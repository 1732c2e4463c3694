import assert from 'node:assert/strict';
import koffi from 'koffi';

const libc = process.platform === 'darwin' ? 'libSystem.dylib' : 'libc.so.6';

/** Makes a named pipe, for its user only: Node cannot, and not every machine has a program that does. */
export function makePipe(path: string): void {
  const mkfifo = koffi.load(libc).func('int mkfifo(const char *path, uint32_t mode)');
  assert.equal(mkfifo(path, 0o600), 0, `no pipe can be made at ${path}`);
}
