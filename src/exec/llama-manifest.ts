import { LlamaContext } from '../ggml/llama-context.ts';
import { LlamaModel } from '../ggml/llama-model.ts';
import type { ModelFile } from '../gguf/model-file.ts';
import type { ManifestEntry } from '../plan/manifest.ts';
import { manifestOfReads, weightReads } from './llama-weights.ts';

/** Tokens that every context has room for. */
const cells = 256;

/**
 * The weights that passes of `sequences` sequences read, as graphs of one token and of `batch` tokens show, without memory
 * for any. Throws the errors of `LlamaModel` and `LlamaContext`.
 */
export function llamaManifest(
  file: ModelFile,
  { sequences, batch }: { readonly sequences: number; readonly batch: number },
): readonly ManifestEntry[] {
  using model = new LlamaModel(file);
  const graphs = [1, Math.min(batch, cells)].map((count) => {
    using context = new LlamaContext(model, { cells, sequences, batch: count, outputs: sequences, kvType: 1 });
    const tokens = Array.from({ length: count }, () => 0);
    const { nodes } = context.collect([{ sequence: 0, start: 0, tokens, outputs: 1 }]);
    return weightReads(nodes, model.tensors, file.weights);
  });
  return manifestOfReads(graphs, file.weights, model.tensors.values());
}
