import { EngineError } from '../base/errors.ts';
import type { ModelFile } from '../gguf/model-file.ts';
import type { Weight } from '../gguf/weight.ts';
import type { Pointer } from './library.ts';
import { loadLlamaGraphs } from './llama-graph-api.ts';
import { lastLog } from './log.ts';
import { TensorSet } from './tensor-set.ts';

/** A weight as libllama has to know it before it is there. */
export type DescribedWeight = Pick<Weight, 'name' | 'type' | 'shape'>;

/** The description of a model that libllama makes from metadata. */
export interface LlamaSource {
  /** The path of its file, for errors. */
  readonly file: string;
  readonly architecture: string;
  readonly weights: ReadonlyMap<string, DescribedWeight>;
  /** Metadata without weights, which the caller frees. Throws GRAPH_FAILED. */
  newMetadata(): Pointer;
}

/** The model of a file: metadata are those of the first part. */
export function sourceOfFile({ files, metadata, weights }: ModelFile): LlamaSource {
  const file = files[0]?.path ?? metadata.file;
  const architecture = metadata.string('general.architecture');
  const newMetadata = (): Pointer => {
    const api = loadLlamaGraphs();
    const read = api.gguf_init_from_file(file, { no_alloc: true, ctx: null });
    if (!read) throw new EngineError('GRAPH_FAILED', { file, reason: lastLog() });
    const gguf = api.gguf_init_empty();
    api.gguf_set_kv(gguf, read);
    api.gguf_free(read);
    if (metadata.isArray('tokenizer.ggml.tokens')) dropVocabulary(gguf, metadata);
    return gguf;
  };
  return { file, architecture, weights, newMetadata };
}

/** Leaves the number of tokens only: `Vocabulary` has them, and 150 000 take 40 MB. */
function dropVocabulary(gguf: Pointer, metadata: ModelFile['metadata']): void {
  const api = loadLlamaGraphs();
  for (const key of metadata.keys()) {
    if (key.startsWith('tokenizer.') && metadata.isArray(key)) api.gguf_remove_key(gguf, key);
  }
  api.gguf_set_val_str(gguf, 'tokenizer.ggml.model', 'no_vocab');
  const tokens = metadata.arrayLength('tokenizer.ggml.tokens');
  api.gguf_set_val_u32(gguf, `${metadata.string('general.architecture')}.vocab_size`, tokens);
}

/** Adds the descriptions of weights to metadata. */
export function addWeights(gguf: Pointer, weights: readonly DescribedWeight[]): void {
  const api = loadLlamaGraphs();
  using set = new TensorSet(weights.length);
  for (const { name, type, shape } of weights) {
    const tensor = set.add(type.id, shape);
    api.ggml_set_name(tensor, name);
    api.gguf_add_tensor(gguf, tensor);
  }
}
