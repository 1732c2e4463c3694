import { EngineError } from '../base/errors.ts';
import type { Device } from '../ggml/device.ts';
import type { Pointer } from '../ggml/library.ts';
import { sourcesOf, tensorOp, tensorType } from '../ggml/tensor-fields.ts';
import { ggmlTypes } from '../gguf/types.ts';

/** Operations that are computed nowhere. */
const descriptions: ReadonlySet<string> = new Set(['NONE', 'VIEW', 'RESHAPE', 'PERMUTE', 'TRANSPOSE']);

/** Operations among `nodes` that a device cannot compute, with the types of their sources: "MUL_MAT of q1_0 and f32". */
export const unsupportedNodes = (device: Pick<Device, 'supports'>, nodes: readonly Pointer[]): readonly string[] =>
  nodes.filter((node) => !descriptions.has(tensorOp(node)) && !device.supports(node)).map(describe);

function describe(node: Pointer): string {
  const types = sourcesOf(node).flatMap((source) =>
    source ? [ggmlTypes.find(({ id }) => id === tensorType(source))?.name ?? 'another type'] : [],
  );
  return `${tensorOp(node)} of ${types.join(' and ')}`;
}

/** Throws DEVICE_UNSUITABLE if there are operations that a device cannot compute. */
export function refuseNodes({ name }: Pick<Device, 'name'>, unsupported: readonly string[]): void {
  if (unsupported.length === 0) return;
  const what = `it has no ${[...new Set(unsupported)].join(', ')}`;
  throw new EngineError('DEVICE_UNSUITABLE', { device: name, what });
}
