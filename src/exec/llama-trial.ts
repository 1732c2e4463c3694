import { EngineError } from '../base/errors.ts';
import type { LlamaSpan } from '../ggml/llama-batch.ts';
import { LlamaContext, type LlamaContextOptions } from '../ggml/llama-context.ts';
import { LlamaModel } from '../ggml/llama-model.ts';
import type { ModelFile } from '../gguf/model-file.ts';
import { kvTypes } from '../plan/kv-options.ts';
import { kvTypeOf } from '../state/kv-shape.ts';

const [prompt, draft] = [32, 4];
/** A small context, whose graphs are those of larger ones. */
const small: LlamaContextOptions = {
  cells: 256,
  sequences: 2,
  batch: 2 * prompt,
  outputs: 2 * draft,
  kvType: kvTypeOf('f16').id,
};
/** Cells beyond which only numbers grow; libllama takes 48 bytes for each. */
const mostCells = 2 ** 17;
/** Bytes of states that are allocated at most: libllama fills them. */
const mostStateBytes = 2 ** 28;

/**
 * Has libllama load a model without its weights, and build the graphs of whatever passes there are: libllama ends the
 * process on some metadata. Throws GRAPH_FAILED, METADATA_MISSING, MISSING_TENSOR, WRONG_SHAPE, LIBRARY_MISSING.
 */
export function buildAllGraphs(file: ModelFile): void {
  // One that is measured only has not compared its weights with the file's.
  using model = new LlamaModel(file);
  if (measureContexts(file) > mostStateBytes) return;
  using context = new LlamaContext(model, small);
  for (const spans of passes) context.collect(spans);
}

/** Makes contexts of all kinds, for which libllama builds its largest graphs. Returns the bytes of a small one's states. */
function measureContexts(file: ModelFile): number {
  const { metadata } = file;
  const trained = metadata.number(`${metadata.string('general.architecture')}.context_length`);
  using model = new LlamaModel(file, { measured: true });
  const sizesOf = (options: Partial<LlamaContextOptions>) => {
    using context = new LlamaContext(model, { ...small, ...options });
    return context.sizes;
  };
  sizesOf({ cells: Math.min(Math.max(trained, small.cells), mostCells), sequences: 4, batch: 512 });
  for (const type of kvTypes) {
    try {
      sizesOf({ kvType: kvTypeOf(type).id });
    } catch (error) {
      // Rows that are not whole blocks of a type are refused where that type is asked for.
      if (type === 'f16' || !(error instanceof EngineError)) throw error;
    }
  }
  return sizesOf({}).state;
}

const span = (sequence: number, start: number, tokens: number, outputs: number): LlamaSpan => ({
  sequence,
  start,
  // The one token that every vocabulary has.
  tokens: Array<number>(tokens).fill(0),
  outputs,
});

/** A prompt, one token, several of a draft, and two sequences at once. States that cannot be cut want spans of one length. */
const passes: readonly (readonly LlamaSpan[])[] = [
  [span(0, 0, prompt, 1)],
  [span(0, prompt, 1, 1)],
  [span(0, prompt + 1, draft, draft)],
  [span(1, 0, prompt, 1)],
  [span(0, prompt + 1 + draft, 1, 1), span(1, prompt, 1, 1)],
];
