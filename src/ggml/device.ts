import type { Weight } from '../gguf/weight.ts';
import type { KernelLayout } from './kernel-layout.ts';
import type { Pointer } from './library.ts';
import type { Memory, SharedBytes } from './memory.ts';

/** Kinds of devices, as options name them. */
export const deviceKinds = ['cpu', 'metal', 'vulkan', 'cuda'] as const;
/**
 * A kind of device.
 *
 * @example const kind: DeviceKind = 'vulkan';
 */
export type DeviceKind = (typeof deviceKinds)[number];

/** The type of a weight, and the shape of a part of it, or of the whole. */
export interface WeightPart {
  readonly weight: Pick<Weight, 'type'>;
  readonly shape: readonly number[];
}

/** The part of a device that libllama's graphs depend on. */
export type GraphDevice = Pick<Device, 'pointer' | 'bufferType'>;

/**
 * A device that computes all of a model. Its memory is the process's own (`host`: the CPU, and GPUs that share it), or
 * `apart`: bytes are copied there before they are computed on.
 */
export interface Device extends Disposable {
  readonly kind: DeviceKind;
  readonly name: string;
  /** The CPU variant that computes, such as haswell; undefined where there is one only, or it is no CPU. */
  readonly variant: string | undefined;
  /** Bytes of the process's memory that the device takes by itself, and those of them that it takes only later. */
  readonly driverBytes: number;
  readonly driverGrowth: number;
  /** Bytes of its own memory that may be taken, where it is apart; those that it can compute in elsewhere. */
  readonly room: number;
  /** Threads of the CPU that compute. */
  readonly threads: number;
  readonly memory: 'host' | 'apart';
  /** The kind of buffers that graphs work in. */
  readonly bufferType: Pointer;
  /** Ggml's device beside the CPU, which libllama is to build graphs for; undefined for the CPU. */
  readonly pointer: Pointer | undefined;
  /** Facts about the device, for the debug log. */
  facts(): object;
  /** Memory of `bytes` for tensors that this device computes on. Throws OUT_OF_MEMORY, in which `what` names its use. */
  memoryFor(bytes: number, what: string): Memory;
  /** Memory of the process that the device copies from fast. Throws OUT_OF_MEMORY, in which `what` names its use. */
  stagingFor(bytes: number, what: string): SharedBytes & Disposable;
  /**
   * Computes `graph`; JavaScript goes on meanwhile. A CPU takes `threads` at most, which wait awake for the next graph if
   * they `spin`. Rejects with COMPUTE_FAILED or DEVICE_FAILED.
   */
  compute(graph: Pointer, threads?: number, spin?: boolean): Promise<void>;
  /** `compute` of a graph so small that JavaScript may wait for it. Throws COMPUTE_FAILED, DEVICE_FAILED. */
  computeNow(graph: Pointer): void;
  /** Throws DEVICE_FAILED if a graph has failed that was computed before: Metal says so with the next one. */
  checkComputed(): void;
  /** True if the device can compute a node, whose sources are described. */
  supports(node: Pointer): boolean;
  /**
   * The layout in which this device multiplies a matrix, or a bank of experts (in, out, experts), fastest; undefined if the
   * file's own is the only one.
   */
  layoutFor(type: number, shape: readonly number[]): KernelLayout | undefined;
  /** Bytes behind a part of a weight that must be zeros, since kernels read them. */
  paddingOf(part: WeightPart): number;
}
