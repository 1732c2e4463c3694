import { at } from '../base/at.ts';
import { writeTensor } from '../ggml/data.ts';
import type { KvStore } from '../state/kv-store.ts';
import { rowOf, sinkRow, sinkShiftTokens } from '../state/rows.ts';
import { attentionMask } from './attention-mask.ts';
import type { BatchInputs } from './batch.ts';
import { hadamard } from './hadamard.ts';
import type { Span, SpanInputs } from './span.ts';

/** Writes the inputs that depend on the spans alone: all but the embedding rows. */
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
    writeSpan(at(inputs.inputs, i), at(inputs.spans, i).kv, span);
  }
  writeTensor(inputs.positions.pointer, positions);
  for (const [n, matrix] of inputs.hadamards) writeTensor(matrix.pointer, hadamard(n));
  if (inputs.embedding) writeTensor(inputs.embedding.order.pointer, Int32Array.from(positions.keys()));
  if (inputs.outputIds) writeTensor(inputs.outputIds.pointer, outputIds);
}

function writeSpan(inputs: SpanInputs, kv: KvStore, { start, tokens }: Pick<Span, 'start' | 'tokens'>): void {
  const n = tokens.length;
  for (const [rows, ids] of inputs.ids)
    writeTensor(
      ids.pointer,
      int64(n, (j) => rowOf(rows, start + j)),
    );
  for (const [rows, { pointer, shape }] of inputs.masks) {
    writeTensor(pointer, attentionMask(start, n, { rows, attended: at(shape, 0) }));
  }
  if (inputs.sinkIds)
    writeTensor(
      inputs.sinkIds.pointer,
      int64(at(inputs.sinkIds.shape, 0), (j) => start + j),
    );
  for (const [copy, shifts] of kv.sinkShifts(start, n).entries()) {
    const shift = at(inputs.sinkShifts, copy);
    const rows = kv.sinkRows;
    if (!rows) continue;
    const count = at(shift.ids.shape, 0);
    writeTensor(
      shift.positions.pointer,
      Int32Array.from({ length: count }, (_, j) => j + shifts * sinkShiftTokens),
    );
    writeTensor(
      shift.ids.pointer,
      int64(count, (j) => sinkRow(rows, shifts) + j),
    );
  }
}

const int64 = (length: number, value: (index: number) => number): BigInt64Array =>
  BigInt64Array.from({ length }, (_, j) => BigInt(value(j)));
