import { loadGgml } from '../ggml/api.ts';
import type { Pointer } from '../ggml/library.ts';
import type { BatchInputs, Span } from './batch.ts';
import { visibility } from './mask.ts';
import { hadamard } from './mixing.ts';

/** Writes what is known of the spans to the inputs of their graph: all but the embedding rows. */
export function writeInputs(inputs: BatchInputs, spans: readonly Span[]): void {
  const positions = new Int32Array(inputs.tokens);
  const outputIds = new Int32Array(inputs.outputCount);
  let column = 0;
  let output = 0;
  for (const [i, span] of spans.entries()) {
    const n = span.tokens.length;
    for (let j = 0; j < n; j += 1) {
      positions[column + j] = span.start + j;
      if (span.logits === 'all' || j === n - 1) outputIds[output++] = column + j;
    }
    column += n;
    const own = inputs.inputs[i];
    const reach = inputs.spans[i]?.reach ?? 0;
    if (!own) continue;
    set(
      own.ids.pointer,
      BigInt64Array.from({ length: n }, (_, j) => BigInt(span.start + j)),
    );
    for (const [window, mask] of own.masks) set(mask.pointer, visibility(span.start, n, { reach, window }));
  }
  set(inputs.positions.pointer, positions);
  for (const [n, mixer] of inputs.mixers) set(mixer.pointer, hadamard(n));
  if (inputs.embedding) set(inputs.embedding.order.pointer, Int32Array.from(positions.keys()));
  if (inputs.outputIds) set(inputs.outputIds.pointer, outputIds);
}

const set = (tensor: Pointer, data: ArrayBufferView): void => {
  loadGgml().ggml_backend_tensor_set(tensor, data, 0, data.byteLength);
};
