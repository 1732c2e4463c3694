import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import koffi, { type LibraryHandle } from 'koffi';
import { attempt } from '../base/attempt.ts';
import { EngineError } from '../base/errors.ts';

/**
 * Stacks of calls into C, which koffi makes itself: 128 KiB for those on threads of their own are too few for drivers of
 * GPUs, which compile there. Memory that is not used is not taken.
 */
const stackBytes = 8 * 2 ** 20;

/** Asks for larger stacks; a program that has loaded libraries through koffi before has its own, enough for the CPU. */
const enlargeStacks = (): unknown =>
  attempt(() => koffi.config({ ...koffi.config(), sync_stack_size: stackBytes, async_stack_size: stackBytes }));

/** True if stacks are large enough for drivers of GPUs. */
export function hasLargeStacks(): boolean {
  const { async_stack_size: bytes } = koffi.config();
  return bytes !== undefined && bytes >= stackBytes;
}

/** An address in this process; 0n is C's NULL. */
export type Pointer = bigint;

export interface Libraries {
  /** The folder of the libraries; ggml looks there for the backends of this machine. */
  readonly folder: string;
  readonly base: LibraryHandle;
  readonly ggml: LibraryHandle;
  readonly llama: LibraryHandle;
}

const platforms: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'darwin-arm64': 'mac-arm64-metal',
  'darwin-x64': 'mac-x64',
  'win32-x64': 'win-x64',
  'win32-arm64': 'win-arm64',
};

/** True if "libggml.metal.v0.4.0.dylib", "libggml-base.so" or "ggml-base.dll" is the library `name`. */
const isLibrary = (file: string, name: string): boolean =>
  new RegExp(`^(?:lib)?${name}(?:\\.[a-z]+)?(?:\\.v[\\d.]+)?\\.(?:so|dylib|dll)$`).test(file);

/** The name of this platform, such as linux-x64. */
export const ownPlatform = (): string => `${process.platform}-${process.arch}`;

/** The folder of the libraries in the package @node-llama-cpp/`name`. Throws Node's error if it is not installed. */
export function packageFolder(name: string): string {
  // The packages export one file only, dist/index.js.
  const entry = createRequire(import.meta.url).resolve(`@node-llama-cpp/${name}`);
  return join(dirname(dirname(entry)), 'bins', name);
}

function findFolder(platform: string): string {
  const name = platforms[platform];
  if (name === undefined) throw new EngineError('LIBRARY_MISSING', { platform, reason: 'no build for this platform' });
  try {
    return packageFolder(name);
  } catch (cause) {
    throw new EngineError(
      'LIBRARY_MISSING',
      { platform, reason: `@node-llama-cpp/${name} is not installed` },
      { cause },
    );
  }
}

enlargeStacks();

let loaded: Libraries | undefined;

/**
 * Finds and loads ggml and libllama for this platform, once per process, and registers the backends for this machine.
 * Throws LIBRARY_MISSING.
 */
export function loadLibraries(): Libraries {
  if (loaded) return loaded;
  const platform = ownPlatform();
  const folder = findFolder(platform);
  try {
    const files = readdirSync(folder);
    const open = (name: string): LibraryHandle => {
      const file = files.find((candidate) => isLibrary(candidate, name));
      if (file === undefined) throw new Error(`${name} is not in ${folder}`);
      return koffi.load(join(folder, file), { global: true });
    };
    loaded = { folder, base: open('ggml-base'), ggml: open('ggml'), llama: open('llama') };
  } catch (cause) {
    throw new EngineError('LIBRARY_MISSING', { platform, reason: (cause as Error).message }, { cause });
  }
  return loaded;
}

/** A table of C functions, which `signatures` describe as "result (arguments)", by name; `libraryOf` has a name's library. */
export function bindFunctions<T>(
  signatures: { readonly [F in keyof T]: string },
  libraryOf: (name: string) => LibraryHandle,
): T {
  const functions = Object.entries<string>(signatures).map(
    ([name, signature]) => [name, libraryOf(name).func(signature.replace(' (', ` ${name}(`))] as const,
  );
  // The compiler checks that there is a signature for each function; nobody can check that C keeps to them.
  return Object.fromEntries(functions) as T;
}
