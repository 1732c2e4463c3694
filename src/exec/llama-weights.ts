import { at } from '../base/at.ts';
import { I32 } from '../ggml/graph.ts';
import type { Pointer } from '../ggml/library.ts';
import { sourcesOf, tensorOp, tensorShape, tensorType, viewSourceOf } from '../ggml/tensor-fields.ts';
import type { Weight } from '../gguf/weight.ts';
import type { ManifestEntry } from '../plan/plan.ts';

/** The way in which a node of a graph reads a weight. */
export type WeightRole =
  /** Multiplied with as a matrix, or as several that lie one after the other. */
  | 'matrix'
  /** Experts, of which a few are multiplied with. */
  | 'experts'
  /** Rows that are looked up by numbers. */
  | 'rows'
  /** Anything else: the weight is wanted as a whole, as it is in the file. */
  | 'whole';

/** A weight is the `source`-th source of a node, or what that is a view of. */
export interface WeightRead {
  readonly node: number;
  readonly source: number;
  readonly name: string;
  readonly role: WeightRole;
}

/** Matrices of rows that are looked up are read row by row from this size on: a read takes as long as a few pages. */
const rowsFrom = 2 ** 20;

/** The reads of weights by the nodes of a graph, in order. `names` are those of the weights by their tensors. */
export function weightReads(
  nodes: readonly Pointer[],
  names: ReadonlyMap<Pointer, string>,
  weights: ReadonlyMap<string, Weight>,
): readonly WeightRead[] {
  return nodes.flatMap((pointer, node) =>
    sourcesOf(pointer).flatMap((tensor, source): WeightRead[] => {
      if (tensor === 0n) return [];
      const own = names.get(tensor);
      if (own !== undefined) return [{ node, source, name: own, role: roleOf(pointer, source, weights.get(own)) }];
      const viewed = names.get(viewSourceOf(tensor));
      return viewed === undefined ? [] : [{ node, source, name: viewed, role: 'whole' }];
    }),
  );
}

function roleOf(node: Pointer, source: number, weight: Weight | undefined): WeightRole {
  if (source !== 0 || !weight) return 'whole';
  switch (tensorOp(node)) {
    case 'MUL_MAT':
      return 'matrix';
    case 'MUL_MAT_ID':
      return 'experts';
    case 'GET_ROWS':
      return isLookup(node) && weight.shape.length === 2 && weight.extent.length >= rowsFrom ? 'rows' : 'whole';
    default:
      return 'whole';
  }
}

/** True if the numbers of a GET_ROWS node are one list. */
function isLookup(node: Pointer): boolean {
  const ids = at(sourcesOf(node), 1);
  return (
    tensorType(ids) === I32 &&
    tensorShape(ids)
      .slice(1)
      .every((n) => n === 1)
  );
}

/**
 * The weights that a graph reads, in order of first use, without those that are read by rows only. A matrix that is
 * multiplied with once may stream.
 */
export function manifestOfReads(
  reads: readonly WeightRead[],
  weights: ReadonlyMap<string, Weight>,
): readonly ManifestEntry[] {
  const others = new Map<string, WeightRole[]>();
  for (const { name, role } of reads) {
    if (role !== 'rows') others.set(name, [...(others.get(name) ?? []), role]);
  }
  return [...others].flatMap(([name, roles]) => {
    const weight = weights.get(name);
    return weight ? [{ weight, streamable: roles.length === 1 && roles[0] === 'matrix' }] : [];
  });
}
