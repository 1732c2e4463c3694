import type { LlamaModel } from '../ggml/llama-model.ts';

/** A span as libllama takes it into a batch. */
interface GroupedSpan {
  readonly sequence: number;
  readonly tokens: readonly number[];
  readonly scales?: readonly number[] | undefined;
}

/**
 * Divides the spans of a pass into groups that libllama computes as one batch each; a group has indices of `spans`. Texts
 * of attention alone are computed together whatever their lengths, where their adapters have the same scales. Where states are recurrent or compressed, spans of a batch have the
 * same length, and where nothing else is kept their sequences have consecutive numbers; where batches are apart, each span
 * has its own.
 */
export function groupSpans(
  spans: readonly GroupedSpan[],
  { memory, batchesApart }: Pick<LlamaModel, 'memory' | 'batchesApart'>,
): readonly (readonly number[])[] {
  if (batchesApart) return [...spans.keys()].map((i) => [i]);
  const sets = [...new Set(spans.map(scalesOf))];
  return sets.flatMap((set) => {
    const entries = [...spans.entries()].filter(([, span]) => scalesOf(span) === set);
    return memory === 'attention' ? [entries.map(([i]) => i)] : groupEvenly(entries, memory);
  });
}

/** The scales of a span's adapters, as one value. */
const scalesOf = ({ scales }: GroupedSpan): string => JSON.stringify(scales);

/** Groups of spans of one length; entries are spans by their indices. */
function groupEvenly(
  entries: readonly (readonly [number, GroupedSpan])[],
  memory: LlamaModel['memory'],
): readonly (readonly number[])[] {
  const groups: number[][] = [];
  const ordered = [...entries].sort(([, a], [, b]) => a.tokens.length - b.tokens.length || a.sequence - b.sequence);
  let last: GroupedSpan | undefined;
  for (const [i, span] of ordered) {
    const joins =
      last?.tokens.length === span.tokens.length && (memory === 'hybrid' || last.sequence + 1 === span.sequence);
    const group = joins ? groups.at(-1) : undefined;
    if (group) group.push(i);
    else groups.push([i]);
    last = span;
  }
  return groups;
}
