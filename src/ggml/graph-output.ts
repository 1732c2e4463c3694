import type { Pointer } from './library.ts';
import { sourceOf, sourcesOf, tensorName, tensorOp } from './tensor-fields.ts';

/** The result of a graph: logits, or the embeddings that its head makes logits of. */
export type GraphOutput = 'logits' | 'embeddings';

/** The embeddings (width, tokens) in a graph of libllama's that computes `logits`. */
export function embeddingsIn(nodes: readonly Pointer[], logits: Pointer): Pointer | undefined {
  const named = nodes.findLast((node) => tensorName(node) === 'result_norm');
  // Some architectures leave the name out.
  return named ?? (tensorOp(logits) === 'MUL_MAT' ? sourceOf(logits, 1) : undefined);
}

/** The places of the nodes that are computed where only `embeddings` are wanted: those that depend on them are left out. */
export function placesWithoutHead(nodes: readonly Pointer[], embeddings: Pointer): readonly number[] {
  const from = nodes.indexOf(embeddings);
  const head = new Set([embeddings]);
  return [...nodes.keys()].filter((place) => {
    const node = nodes[place] as Pointer;
    if (place <= from || !sourcesOf(node).some((source) => head.has(source))) return true;
    head.add(node);
    return false;
  });
}
