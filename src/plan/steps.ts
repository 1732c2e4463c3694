import { at } from '../base/at.ts';

/** Nodes [from, to) of a graph, and the streamed slices that they read: waited for, computed and freed as one. */
export interface Step {
  readonly from: number;
  readonly to: number;
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
 * Divides the nodes [0, nodes) of a graph so that no step needs more than `maxBytes` of streamed slices at once (or
 * needs a single one). A step begins where its first streamed slice is read, so that everything before can be computed
 * while that slice is on its way.
 */
export function divideIntoSteps(uses: readonly StreamedUse[], nodes: number, maxBytes: number): readonly Step[] {
  const steps: Step[] = [];
  let from = 0;
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
  if (from < nodes) steps.push({ from, to: nodes, slices });
  return steps;
}

/** Some nodes [from, to) of a step; `alone` if it is a single one that was to stand alone. */
export interface StepPart {
  readonly from: number;
  readonly to: number;
  readonly alone: boolean;
}

/** Cuts the nodes of a step so that each of `alone` stands alone, and a part begins at each of `cuts`. */
export function splitStep(
  { from, to }: Step,
  alone: readonly number[],
  cuts: readonly number[] = [],
): readonly StepPart[] {
  const single = new Set(alone);
  const within = [from, to, ...alone, ...alone.map((node) => node + 1), ...cuts].filter((n) => n >= from && n <= to);
  const bounds = [...new Set(within)].sort((a, b) => a - b);
  return bounds.slice(1).map((end, i) => {
    const begin = at(bounds, i);
    return { from: begin, to: end, alone: single.has(begin) };
  });
}
