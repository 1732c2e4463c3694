import { at } from '../base/at.ts';

/** Nodes [from, to) of a graph. */
export interface NodeRange {
  readonly from: number;
  readonly to: number;
}

/** Nodes and the streamed slices that they read: what is waited for, computed and freed as one. */
export interface StepNodes extends NodeRange {
  readonly slices: readonly number[];
}

/** A streamed slice of `bytes` is read by node `node`. */
export interface StreamedUse {
  readonly slice: number;
  readonly node: number;
  readonly bytes: number;
}

/**
 * The first use of each slice in `order`, the order of reading. A node that reads a slice comes after all slices before
 * that one: a graph may use small weights in another order than it asked for them.
 */
export function firstUses(
  uses: readonly { readonly slice: number; readonly node: number }[],
  order: readonly number[],
): readonly { readonly slice: number; readonly node: number }[] {
  const indices = new Map(order.map((slice, index) => [slice, index]));
  const first: { slice: number; node: number }[] = [];
  for (const { slice, node } of uses) {
    const index = indices.get(slice) ?? -1;
    for (const earlier of order.slice(first.length, index + 1)) first.push({ slice: earlier, node });
  }
  return first;
}

/**
 * Divides the nodes [0, nodes) of a graph so that no step needs more than `maxBytes` of slices at once (or needs a single
 * one). A step begins where its first slice is read, so that everything before can be computed while that slice is on its
 * way. Each range of `alone`, in order, is a step by itself.
 */
export function divideIntoSteps(
  uses: readonly StreamedUse[],
  nodes: number,
  { maxBytes, alone = [] }: { readonly maxBytes: number; readonly alone?: readonly NodeRange[] },
): readonly StepNodes[] {
  const within = ({ from, to }: NodeRange): readonly StreamedUse[] =>
    uses.filter(({ node }) => from <= node && node < to);
  const bounds = [{ from: 0, to: 0 }, ...alone, { from: nodes, to: nodes }];
  return bounds.slice(1).flatMap((range, i) => {
    const before = { from: at(bounds, i).to, to: range.from };
    const single = { ...range, slices: within(range).map(({ slice }) => slice) };
    return [...divideRange(within(before), before, maxBytes), ...(range.from < range.to ? [single] : [])];
  });
}

function divideRange(uses: readonly StreamedUse[], nodes: NodeRange, maxBytes: number): readonly StepNodes[] {
  const steps: StepNodes[] = [];
  let { from } = nodes;
  let bytes = 0;
  let slices: number[] = [];
  for (const use of uses) {
    const startsLate = slices.length === 0 && use.node > from;
    const overflows = slices.length > 0 && bytes + use.bytes > maxBytes;
    if (startsLate || overflows) {
      steps.push({ from, to: use.node, slices });
      from = use.node;
      bytes = 0;
      slices = [];
    }
    slices.push(use.slice);
    bytes += use.bytes;
  }
  if (from < nodes.to) steps.push({ from, to: nodes.to, slices });
  return steps;
}
