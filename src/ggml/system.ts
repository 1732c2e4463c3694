import { closeSync, openSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import koffi from 'koffi';
import { EngineError } from '../base/errors.ts';
import type { Pointer } from './library.ts';

/** Bytes of a memory page, and the unit that direct reads are aligned to. 16 KiB covers Apple Silicon. */
export const pageBytes: number = process.platform === 'darwin' ? 16384 : 4096;

const hugePageAdvice = 14; // MADV_HUGEPAGE
const dontNeedAdvice = 4; // POSIX_FADV_DONTNEED
const noCacheCommand = 48; // F_NOCACHE

type Call = (...args: (number | Pointer)[]) => number;

/**
 * A function of the C library that this process already has, or one that does nothing where `platform` is not this one.
 */
function libc(platform: NodeJS.Platform, signature: string): Call {
  let call: Call | undefined;
  return (...args) => {
    if (process.platform !== platform) return 0;
    call ??= koffi.load(null).func(signature) as Call;
    return call(...args);
  };
}

const madvise = libc('linux', 'int madvise(void *, size_t, int)');
const posixFadvise = libc('linux', 'int posix_fadvise(int, int64_t, int64_t, int)');
const posixFallocate = libc('linux', 'int posix_fallocate(int, int64_t, int64_t)');
const fcntl = libc('darwin', 'int fcntl(int, int, ...)');

/** Ends this process at once, without the ends of libraries; returns where that cannot be asked. */
export const endProcess: (code: number) => void = libc('linux', 'void _exit(int)');

/** Facts about an address: C's Dl_info. */
const addressInfo = koffi.struct({ file: 'const char *', base: 'void *', symbol: 'const char *', value: 'void *' });

/** The file of the library that a function at `address` belongs to. Undefined where only the system knows. */
export function libraryAt(address: Pointer): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const dladdr = koffi.load(null).func('dladdr', 'int', ['void *', koffi.out(koffi.pointer(addressInfo))]);
  const info: { file?: string } = {};
  return dladdr(address, info) === 0 ? undefined : info.file;
}

/**
 * Asks for huge pages behind [address, address + bytes), page-aligned. Only Linux needs asking; refusal is harmless.
 */
export const adviseHugePages = (address: Pointer, bytes: number): void => {
  madvise(address, bytes, hugePageAdvice);
};

/** Drops clean pages of a file from the page cache; `bytes` 0 means to its end. A no-op where that cannot be asked. */
export const dropPageCache = (fd: number, offset: number, bytes: number): void => {
  posixFadvise(fd, offset, bytes, dontNeedAdvice);
};

/** Drops the whole of a file from the page cache. */
export function evictFile(path: string): void {
  const fd = openSync(path, 'r');
  dropPageCache(fd, 0, 0);
  closeSync(fd);
}

/** Turns the page cache off for reads through `fd` (macOS). Returns false where that cannot be done. */
export const disablePageCache = (fd: number): boolean => {
  if (process.platform !== 'darwin') return false;
  // A variadic function takes the type of each further argument before it.
  return (
    (fcntl as unknown as (fd: number, command: number, type: string, value: number) => number)(
      fd,
      noCacheCommand,
      'int',
      1,
    ) !== -1
  );
};

const mmapThreshold = -3; // M_MMAP_THRESHOLD
const largeBlock = 2 ** 20;
const mallopt = libc('linux', 'int mallopt(int, int)');

/**
 * Has each block of a MiB and more mapped by itself, so that its memory goes back when it is freed. Glibc alone cuts
 * ever larger blocks from its heap once one was freed, and leaves holes between those that stay: copies for the prompt
 * cache, of 8 MB together, grew to 50.
 */
export function mapLargeBlocks(): void {
  try {
    mallopt(mmapThreshold, largeBlock);
  } catch {
    // Other C libraries have no such function, and do so anyway.
  }
}

const malloc = libc('linux', 'void *malloc(size_t)');
const free = libc('linux', 'void free(void *)');

/**
 * Throws OUT_OF_MEMORY, in which `what` names the use, unless the system would give `bytes` more; nothing is touched or
 * kept. Where Linux's limit of addresses is reached, JavaScript's own memory and C++ end the process; elsewhere there
 * is no such limit.
 */
export function checkAvailable(bytes: number, what: string): void {
  if (process.platform !== 'linux') return;
  const address = malloc(bytes);
  if (!address) throw new EngineError('OUT_OF_MEMORY', { bytes, what });
  free(address);
}

/** Bytes of zeros that are written to files at once. */
const zeroBytes = 2 ** 22;

/**
 * Makes an empty file `bytes` long, of zeros, a multiple of the page, and reserves its space. Throws the system's error
 * if there is none.
 */
export function reserve(fd: number, bytes: number): void {
  if (process.platform === 'linux') {
    const error = posixFallocate(fd, 0, bytes);
    if (error === 0) return;
    const [code] = Object.entries(constants.errno).find(([, number]) => number === error) ?? [`errno ${error}`];
    throw Object.assign(new Error(code), { code });
  }
  const zeros = new Uint8Array(zeroBytes);
  for (let at = 0; at < bytes; at += zeroBytes) writeSync(fd, zeros, 0, Math.min(zeroBytes, bytes - at), at);
}
