import { at } from '../base/at.ts';
import { pageBytes } from '../ggml/system.ts';
import type { Need } from '../pager/block.ts';
import type { Pager } from '../pager/pager.ts';
import type { Plan } from '../plan/plan.ts';
import type { RingMode } from '../plan/ring-modes.ts';
import { pageSpanOf } from '../plan/slices.ts';
import { divideIntoSteps, firstUses, type NodeRange, type StepNodes, type StreamedUse } from '../plan/steps.ts';

/** Bytes that a step waits for in the first pass over a model that is resident as a whole, as it is in the file. */
const loadingStepBytes = 32 * 2 ** 20;

/**
 * The first use of each slice that a pass waits for, in the order of nodes. Those that stream come in the order of the ring;
 * residents that are loaded meanwhile are waited for where they are read: graphs read small ones in other orders than the
 * plan's, and a slice of the ring that had to come before them would be freed before it is read.
 */
export function awaitedUses(
  { placements, slices, streamed }: Pick<Plan, 'placements' | 'slices' | 'streamed'>,
  uses: readonly { readonly slice: number; readonly node: number }[],
  ringMode: RingMode,
): readonly StreamedUse[] {
  const residents = new Map<number, { readonly slice: number; readonly node: number }>();
  for (const use of ringMode === 'loading' ? uses : []) {
    const { kind } = at(placements, use.slice);
    if ((kind === 'resident' || kind === 'converted') && !residents.has(use.slice)) residents.set(use.slice, use);
  }
  return [...firstUses(uses, streamed), ...residents.values()]
    .sort((a, b) => a.node - b.node)
    .map((use) => ({ ...use, bytes: pageSpanOf(at(slices, use.slice).extent, pageBytes).bytes }));
}

/** Steps of `nodes` nodes, none of which waits for more slices than there is room for; ranges of `alone` are steps. */
export function weightSteps(
  plan: Plan,
  ringMode: RingMode,
  { uses, nodes, alone }: { uses: readonly StreamedUse[]; nodes: number; alone: readonly NodeRange[] },
): readonly StepNodes[] {
  const maxBytes = ringMode === 'loading' ? plan.stepBytes / 2 || loadingStepBytes : plan.stepBytes;
  return divideIntoSteps(uses, nodes, { maxBytes, alone });
}

/** The number of streamed slices at the end of the plan's order that are not among those `read`: a head's, mostly. */
export const unreadAtEnd = ({ streamed }: Pick<Plan, 'streamed'>, read: ReadonlySet<number>): number =>
  streamed.length - 1 - streamed.findLastIndex((id) => read.has(id));

/** The needs of a step that waits for `slices`, each in its home. */
export function weightNeeds({ placements }: Plan, pager: Pager, slices: readonly number[]): readonly Need[] {
  const streamed: number[] = [];
  const resident: number[] = [];
  for (const id of slices) {
    const placement = at(placements, id);
    if (placement.kind === 'ring') streamed.push(placement.order);
    else resident.push(id);
  }
  return [
    ...(streamed.length > 0 ? [{ home: pager.weightRing, blocks: streamed }] : []),
    ...(resident.length > 0 ? [{ home: pager.residents, blocks: resident }] : []),
  ];
}
