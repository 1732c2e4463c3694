import { at } from '../base/at.ts';
import { elementCount } from '../gguf/weight.ts';
import type { Pointer } from './library.ts';
import type { DescribedWeight } from './llama-source.ts';
import { setDimension, tensorShape } from './tensor-fields.ts';

/**
 * Weights whose rows libllama counts in the file, by architecture. A model that is made of metadata has no file, and
 * takes them for narrow: a gate of each head, or a matrix without a gate beside it.
 */
const counted: ReadonlyMap<string, RegExp> = new Map([
  ['jina-bert-v2', /\.ffn_up\.(weight|bias)$/],
  ['laguna', /\.attn_gate\.weight$/],
]);

/** True if the shapes of some weights depend on the file. */
export const hasOwnWidths = (architecture: string): boolean => counted.has(architecture);

/** Widens libllama's tensors, whose data have no place yet, to the weights of the file that are whole multiples of them. */
export function widenTensors(
  tensors: ReadonlyMap<Pointer, string>,
  { architecture, weights }: { readonly architecture: string; readonly weights: ReadonlyMap<string, DescribedWeight> },
): void {
  for (const [tensor, name] of tensors) {
    const weight = weights.get(name);
    if (!weight || !counted.get(architecture)?.test(name)) continue;
    const rows = weight.shape.length - 1;
    const isMultiple = elementCount(weight.shape) % elementCount(tensorShape(tensor)) === 0;
    if (isMultiple) setDimension(tensor, rows, at(weight.shape, rows));
  }
}
