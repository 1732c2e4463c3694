import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../base/attempt.ts';
import { EngineError } from '../base/errors.ts';
import { loadGgml } from './api.ts';
import type { DeviceKind } from './device.ts';
import { hasLargeStacks, loadLibraries, ownPlatform, type Pointer, packageFolder } from './library.ts';
import { lastLog } from './log.ts';
import { hearLogAside } from './log-thread.ts';

/** A kind of device beside the CPU. */
export type GpuKind = Exclude<DeviceKind, 'cpu'>;

/** A device of a backend. */
export interface GpuHandle {
  readonly kind: GpuKind;
  readonly pointer: Pointer;
  /** Its name, such as "NVIDIA H100 80GB HBM3". */
  readonly name: string;
  /** Whether it computes in the process's own memory. */
  readonly memory: 'host' | 'apart';
  /** True for a processor that only behaves like a card. */
  readonly isSoftware: boolean;
}

/** The version that all packages of libraries have. */
export const librariesVersion = '3.21.1';

/** Packages of prebuilt libraries by platform, kind by kind, the fastest first. Metal's is the one that brings the CPU's, too. */
const packages: Readonly<Record<string, Readonly<Partial<Record<GpuKind, string>>>>> = {
  'linux-x64': { cuda: 'linux-x64-cuda', vulkan: 'linux-x64-vulkan' },
  'darwin-arm64': { metal: 'mac-arm64-metal' },
  'win32-x64': { cuda: 'win-x64-cuda', vulkan: 'win-x64-vulkan' },
};

/** C's `enum ggml_backend_dev_type`. */
const deviceTypes = { cpu: 0, gpu: 1, integrated: 2 } as const;

/** Implementations of Vulkan that compute on the CPU. */
const software = /llvmpipe|lavapipe|swiftshader/i;

/** Kinds of devices that there are packages for on a platform. */
export const kindsFor = (platform: string = ownPlatform()): readonly GpuKind[] =>
  Object.keys(packages[platform] ?? {}) as GpuKind[];

/** The file of a backend; undefined if its package is not installed. */
export function backendFile(kind: GpuKind, platform: string = ownPlatform()): string | undefined {
  const name = packages[platform]?.[kind];
  const folder = name === undefined ? undefined : attempt(() => packageFolder(name));
  if (folder === undefined) return undefined;
  const file = attempt(() => readdirSync(folder))?.find((name) => new RegExp(`ggml-${kind}\\.(?:so|dll)$`).test(name));
  return file === undefined ? undefined : join(folder, file);
}

/** The command that brings a kind of device; undefined where there is none for this platform. */
function installCommand(kind: GpuKind): string | undefined {
  const name = packages[ownPlatform()]?.[kind];
  return name === undefined ? undefined : `npm i @node-llama-cpp/${name}@${librariesVersion}`;
}

const missing = (kind: GpuKind, reason: string, install?: string): EngineError =>
  new EngineError('DEVICE_MISSING', { kind, reason, install });

/** The file of a backend. Throws DEVICE_MISSING where its package is not installed. */
export function backendFileFor(kind: GpuKind): string {
  const file = backendFile(kind);
  if (file !== undefined) return file;
  const install = installCommand(kind);
  if (install === undefined) throw missing(kind, 'there is no build for this platform');
  throw missing(kind, 'its package is not installed', install);
}

const loaded = new Map<GpuKind, readonly GpuHandle[]>();

/**
 * Loads the backend of `kind`, once per process, and lists its devices; trouble that is logged from then on is written to a
 * file, if one is given. Throws DEVICE_MISSING where its package is not
 * installed, it cannot be loaded, or it finds none.
 */
export function gpuDevices(kind: GpuKind, troubleFile?: number): readonly GpuHandle[] {
  const known = loaded.get(kind);
  if (known) return known;
  const file = backendFileFor(kind);
  const api = loadGgml();
  if (!hasLargeStacks())
    throw missing(kind, 'this program has loaded libraries through koffi before, whose stacks are too small');
  const { ggml } = loadLibraries();
  hearLogAside(troubleFile);
  const reg: Pointer | null = ggml.func('void *ggml_backend_load(const char *)')(file);
  if (!reg) throw missing(kind, `its library does not load here: ${lastLog()}`);
  const devices = Array.from({ length: api.ggml_backend_reg_dev_count(reg) }, (_, i) =>
    api.ggml_backend_reg_dev_get(reg, i),
  )
    .filter((pointer) => api.ggml_backend_dev_type(pointer) !== deviceTypes.cpu)
    .map((pointer) => describe(kind, pointer));
  if (devices.length === 0) throw missing(kind, 'its driver finds no device');
  loaded.set(kind, devices);
  return devices;
}

function describe(kind: GpuKind, pointer: Pointer): GpuHandle {
  const api = loadGgml();
  const name = api.ggml_backend_dev_description(pointer);
  const isSoftware = software.test(name);
  const isShared = kind === 'metal' || isSoftware || api.ggml_backend_dev_type(pointer) === deviceTypes.integrated;
  return { kind, pointer, name, isSoftware, memory: kind !== 'cuda' && isShared ? 'host' : 'apart' };
}

/** Bytes of a device's memory, and those of them that are free. */
export function deviceMemory({ pointer }: Pick<GpuHandle, 'pointer'>): {
  readonly free: number;
  readonly total: number;
} {
  const [free, total] = [new BigUint64Array(1), new BigUint64Array(1)];
  loadGgml().ggml_backend_dev_memory(pointer, free, total);
  return { free: Number(free[0]), total: Number(total[0]) };
}
