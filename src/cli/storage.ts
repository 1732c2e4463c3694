import { readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, join, parse, resolve } from 'node:path';
import { attempt } from '../base/attempt.ts';

/** The storage that holds a file. */
export interface Storage {
  /** The drive's name where the system tells it, else that of the block device, the mount, or the volume. */
  readonly name: string | null;
  /** Key of the storage: the same for all its files, as long as nothing is plugged or mounted anew. */
  readonly key: string;
}

/** The storage of a file or folder, or undefined if it cannot be looked at. */
export function storageOf(path: string): Storage | undefined {
  const device = attempt(() => statSync(path).dev);
  if (device === undefined) return undefined;
  const name = nameOf(path, device);
  // A number alone may be another drive's after the next start.
  return { name, key: name === null ? `${device}` : `${device} ${name}` };
}

function nameOf(path: string, device: number): string | null {
  if (process.platform === 'win32') return parse(resolve(path)).root;
  if (process.platform !== 'linux') return null;
  const { major, minor } = numbersOf(device);
  const block = `/sys/dev/block/${major}:${minor}`;
  const kernelName = attempt(() => basename(realpathSync(block)));
  // A partition's model stands beside it.
  const named = ['device/model', '../device/model', 'dm/name'].map((file) => attempt(() => text(join(block, file))));
  return named.find(Boolean) ?? kernelName ?? attempt(() => mountedSource(`${major}:${minor}`)) ?? null;
}

/**
 * Numbers of a device, as glibc's `gnu_dev_major` and `gnu_dev_minor` take them: 12 bits and 8 bits, each with the rest
 * above.
 */
function numbersOf(device: number): { major: number; minor: number } {
  const bits = BigInt(device);
  const major = ((bits >> 8n) & 0xfffn) | ((bits >> 32n) & ~0xfffn);
  const minor = (bits & 0xffn) | ((bits >> 12n) & 0xfff00n);
  return { major: Number(major), minor: Number(minor) };
}

/**
 * The source that is mounted with this device number: "36 35 0:32 / /data rw,noatime - nfs server:/export rw" ->
 * "server:/export".
 */
function mountedSource(numbers: string): string | undefined {
  const line = text('/proc/self/mountinfo')
    .split('\n')
    .find((mount) => mount.split(' ')[2] === numbers);
  return line?.split(' - ')[1]?.split(' ')[1];
}

const text = (path: string): string => readFileSync(path, 'utf8').trim();
