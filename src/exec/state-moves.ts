import type { Device } from '../ggml/device.ts';
import type { Pointer } from '../ggml/library.ts';
import { ReusedGraph } from '../ggml/reused-graph.ts';
import { sourceOf, tensorOp, viewSourceOf } from '../ggml/tensor-fields.ts';

/** True if a node copies rows of a tensor, which its source has looked up, to other places of the same tensor. */
function moves(node: Pointer): boolean {
  if (tensorOp(node) !== 'CPY') return false;
  const rows = sourceOf(node, 0);
  return tensorOp(rows) === 'GET_ROWS' && viewSourceOf(sourceOf(rows, 0)) === viewSourceOf(node);
}

/**
 * Computes what moves states among these nodes of a graph, in their order, and nothing else. A batch that finds recurrent
 * states of its texts apart has those between them make room, also states of other texts: libllama has them at their new
 * places from when it builds the graph, whose nodes bring them there layer by layer. Throws COMPUTE_FAILED, OUT_OF_MEMORY.
 */
export function moveStates(nodes: readonly Pointer[], device: Device): void {
  const moving = nodes.filter(moves);
  if (moving.length === 0) return;
  using graph = new ReusedGraph();
  device.computeNow(graph.of(moving.flatMap((node) => [sourceOf(node, 0), node])));
}
