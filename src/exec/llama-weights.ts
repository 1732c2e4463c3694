import { at } from '../base/at.ts';
import { hasEvenRows } from '../ggml/expert-nodes.ts';
import { I32 } from '../ggml/graph.ts';
import type { Pointer } from '../ggml/library.ts';
import {
  maxSources,
  sourceOf,
  sourcesOf,
  TensorPointers,
  tensorOp,
  tensorShape,
  tensorType,
} from '../ggml/tensor-fields.ts';
import { dimension, type Weight } from '../gguf/weight.ts';
import type { ManifestEntry } from '../plan/manifest.ts';

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
  /** The numbers of the experts of each token, and how many each has. */
  readonly routed?: { readonly ids: Pointer; readonly used: number };
}

/** Matrices of rows that are looked up are read row by row from this size on: a read takes as long as a few pages. */
const rowsFrom = 2 ** 20;

/** The reads of weights by the nodes of a graph, in order. `names` are those of the weights by their tensors. */
export function weightReads(
  nodes: readonly Pointer[],
  names: ReadonlyMap<Pointer, string>,
  weights: ReadonlyMap<string, Weight>,
): readonly WeightRead[] {
  const pointers = new TensorPointers();
  const byAddress = new Map([...names].map(([tensor, name]) => [Number(tensor), name]));
  const reads: WeightRead[] = [];
  for (const [node, pointer] of nodes.entries()) {
    const address = Number(pointer);
    for (let source = 0; source < maxSources; source += 1) {
      const tensor = pointers.source(address, source);
      if (tensor === 0) continue;
      const own = byAddress.get(tensor);
      const name = own ?? byAddress.get(pointers.viewSource(tensor));
      if (name === undefined) continue;
      const role = own === undefined ? 'whole' : roleOf(pointer, source, weights.get(name));
      reads.push({ node, source, name, role, ...(role === 'experts' && { routed: routerOf(pointer) }) });
    }
  }
  return reads;
}

function roleOf(node: Pointer, source: number, weight: Weight | undefined): WeightRole {
  if (source !== 0 || !weight) return 'whole';
  switch (tensorOp(node)) {
    case 'MUL_MAT':
      return isWhole(weight, sourceOf(node, 0)) ? 'matrix' : 'whole';
    case 'MUL_MAT_ID':
      return hasEvenRows(node) && weight.shape.length === 3 ? 'experts' : 'whole';
    case 'GET_ROWS':
      return isLookup(node) && weight.shape.length === 2 && weight.extent.length >= rowsFrom ? 'rows' : 'whole';
    default:
      return 'whole';
  }
}

/** True if a tensor has a weight's dimensions: the rows of some are grouped otherwise, and could not be cut. */
const isWhole = ({ shape }: Weight, tensor: Pointer): boolean =>
  tensorShape(tensor).every((n, i) => n === dimension(shape, i));

function routerOf(node: Pointer): WeightRead['routed'] & object {
  const ids = sourceOf(node, 2);
  return { ids, used: at(tensorShape(ids), 0) };
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
 * The weights that graphs of a model read, in the order of first use of the first one, without those that are read by rows
 * only. A matrix that is multiplied with once may stream, if all graphs read such matrices in this order, and experts that
 * are may have slots. Those that only other graphs read come before all, and small ones of `names` that none reads: graphs
 * of longer contexts may read them anywhere.
 */
export function manifestOfReads(
  graphs: readonly (readonly WeightRead[])[],
  weights: ReadonlyMap<string, Weight>,
  names: Iterable<string>,
): readonly ManifestEntry[] {
  const [entries = [], ...others] = graphs.map((reads) => entriesOf(reads, weights));
  const streamed = (list: readonly ManifestEntry[]): string[] =>
    list.flatMap(({ weight, streamable }) => (streamable ? [weight.name] : []));
  const inOrder = others.map((list) => new Set(longestOrder(streamed(entries), streamed(list))));
  const first = new Set(entries.map(({ weight }) => weight));
  const looked = new Set(graphs.flatMap((reads) => reads.flatMap(({ name, role }) => (role === 'rows' ? [name] : []))));
  const later = new Set(others.flatMap((list) => list.map(({ weight }) => weight)));
  const unread = [...new Set(names)].flatMap((name) => {
    const weight = weights.get(name);
    if (!weight || first.has(weight)) return [];
    const stays = later.has(weight) || (weight.extent.length < rowsFrom && !looked.has(name));
    return stays ? [{ weight, streamable: false }] : [];
  });
  return [
    ...unread,
    ...entries.map((entry) => ({
      ...entry,
      streamable: entry.streamable && inOrder.every((set) => set.has(entry.weight.name)),
    })),
  ];
}

/** A longest list whose elements are in this order both in `a` and in `b`. */
function longestOrder(a: readonly string[], b: readonly string[]): readonly string[] {
  const places = new Map(b.map((name, i) => [name, i]));
  /** The chain with the earliest end in `b`, by length. */
  const chains: { readonly end: number; readonly names: readonly string[] }[] = [];
  for (const name of a) {
    const end = places.get(name);
    if (end === undefined) continue;
    const shorter = chains.findLastIndex((chain) => chain.end < end);
    const before = shorter < 0 ? [] : at(chains, shorter).names;
    chains[shorter + 1] = { end, names: [...before, name] };
  }
  return chains.at(-1)?.names ?? [];
}

function entriesOf(reads: readonly WeightRead[], weights: ReadonlyMap<string, Weight>): readonly ManifestEntry[] {
  const byName = new Map<string, WeightRead[]>();
  for (const read of reads) if (read.role !== 'rows') byName.set(read.name, [...(byName.get(read.name) ?? []), read]);
  const routers: Pointer[] = [];
  return [...byName].flatMap(([name, [read, ...others]]): ManifestEntry[] => {
    const weight = weights.get(name);
    if (!weight || !read) return [];
    const once = others.length === 0;
    if (!once || !read.routed) return [{ weight, streamable: once && read.role === 'matrix' }];
    const { ids, used } = read.routed;
    if (!routers.includes(ids)) routers.push(ids);
    return [{ weight, streamable: false, experts: { router: routers.indexOf(ids), used } }];
  });
}
