import { readFileSync } from 'node:fs';
import { arr, f32, type MetadataValue, str, type TensorSource, u32, writeGguf } from '../../bench/gguf-writer.ts';
import { tempFolder } from './temp-folder.ts';
import { existingType } from './weights.ts';

export interface SmallModel {
  /** In place of what a small model says of itself, or beside it. */
  readonly metadata?: Readonly<Record<string, MetadataValue>>;
  /** The value of every byte of its weights. */
  readonly fill?: number;
  /** Tokens. */
  readonly vocabulary?: number;
  /** Gigabytes of weights, which are a hole in the file. */
  readonly gigabytes?: number;
  /** Files. */
  readonly split?: number;
}

/**
 * Writes a model whose header is right, and that is all: it can be found and described, but not run. Returns its files.
 */
export function writeSmall(path: string, model: SmallModel = {}): readonly string[] {
  const { metadata = {}, fill = 0, vocabulary = 8, gigabytes = 0, split } = model;
  const type = existingType('f32');
  const tensor = (name: string): TensorSource => ({
    name,
    type,
    shape: [64, 16],
    data: new Uint8Array(64 * 16 * 4).fill(fill),
  });
  const hole: TensorSource = { name: 'hole', type, shape: [2 ** 18, gigabytes * 2 ** 10], data: 'hole' };
  const tensors = [tensor('a'), tensor('b'), tensor('c'), ...(gigabytes > 0 ? [hole] : [])];
  const own = {
    'general.architecture': str('llama'),
    'llama.context_length': u32(64),
    'llama.embedding_length': u32(64),
    'llama.block_count': u32(1),
    'llama.feed_forward_length': u32(64),
    'llama.attention.head_count': u32(2),
    'llama.attention.layer_norm_rms_epsilon': f32(1e-5),
    'tokenizer.ggml.tokens': arr(
      'string',
      Array.from({ length: vocabulary }, (_, i) => `token ${i}`),
    ),
  };
  const source = { metadata: { ...own, ...metadata }, tensors };
  return writeGguf(path, split === undefined ? source : { ...source, split });
}

/** The bytes of such a model; of a split one those of its files. */
export function smallBytes(model?: SmallModel): readonly [Buffer, ...Buffer[]] {
  using folder = tempFolder();
  const [first = '', ...others] = writeSmall(folder.file('model.gguf'), model);
  return [readFileSync(first), ...others.map((file) => readFileSync(file))];
}
