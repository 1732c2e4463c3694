import { EngineError } from '../base/errors.ts';
import type { GpuHandle } from '../ggml/gpu-backend.ts';

/** The share of a card's free memory that weights take at most where all fits: texts and results take the rest. */
const fittingShare = 0.8;

/** A device, as it says of itself. */
interface FoundDevice extends Pick<GpuHandle, 'memory' | 'isSoftware'> {
  /** Bytes of its memory that are free. */
  readonly free: number;
}

/**
 * True where a device makes models of so many bytes of weights faster: it computes in the process's memory, or has room for
 * all of them in its own. Weights that stream over PCIe are no faster there than those in memory are for the CPU.
 */
const gains = ({ memory, isSoftware, free }: FoundDevice, weights: number): boolean =>
  !isSoftware && (memory === 'host' || weights < fittingShare * free);

/** The ways to devices of `kinds`, in the order in which they are wanted. */
interface AutoDevices<K, F extends FoundDevice, D> {
  readonly kinds: readonly K[];
  /** Bytes of the weights of all models. */
  readonly weights: number;
  find(kind: K): readonly F[];
  /** Tests a device and starts it. */
  start(found: F, kind: K): D;
  /** Hears why the devices of a kind were passed over. */
  passOver(reason: EngineError): void;
}

/** Starts the first device that gains something and can be used; undefined where the CPU computes. */
export function autoDevice<K, F extends FoundDevice, D>(devices: AutoDevices<K, F, D>): D | undefined {
  for (const kind of devices.kinds) {
    try {
      const found = devices.find(kind).find((one) => gains(one, devices.weights));
      if (found) return devices.start(found, kind);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      devices.passOver(error);
    }
  }
  return undefined;
}
