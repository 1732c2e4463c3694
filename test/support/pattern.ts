import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';

/** Bytes [position, position + length) of an endless pattern in which every aligned word of 4 bytes is another. */
export function patternAt(position: number, length: number): Uint8Array {
  const first = Math.floor(position / 4);
  const words = new Uint32Array(Math.ceil((position + length) / 4) - first);
  for (const i of words.keys()) words[i] = Math.imul(first + i + 1, 0x9e3779b1);
  return new Uint8Array(words.buffer, position - 4 * first, length);
}

/** Writes a file of `bytes` bytes of the pattern, down to the disk. */
export function writePattern(path: string, bytes: number): void {
  const fd = openSync(path, 'w');
  try {
    const pattern = patternAt(0, bytes);
    for (let done = 0; done < bytes; ) done += writeSync(fd, pattern, done);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
