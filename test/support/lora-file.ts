import { f32, type MetadataValue, str, type TensorSource, writeGguf } from '../../bench/gguf-writer.ts';
import { RandomTensors } from '../../bench/random-tensors.ts';
import { at } from '../../src/base/at.ts';
import { openModelFile } from '../../src/gguf/model-file.ts';
import { dimension, elementCount, type Weight } from '../../src/gguf/weight.ts';
import { existingType } from './weights.ts';

export interface LoraFileOptions {
  /** The weights that it changes: those whose names match; all products of attention and of feed-forward unless given. */
  readonly changes?: RegExp;
  /** 4 unless given. */
  readonly rank?: number;
  /** ggml's name of the type of its matrices; f32 unless given. */
  readonly type?: string;
  /** None unless given: then its products are added as they are. */
  readonly alpha?: number;
  readonly seed?: number;
  /** Beside the usual ones, or in place of them. */
  readonly metadata?: Readonly<Record<string, MetadataValue>>;
  /** Changes tensors before they are written. */
  readonly tensors?: (tensors: readonly TensorSource[]) => readonly TensorSource[];
}

const usual = /\.(attn_(q|k|v|output)|ffn_(gate|up|down)(_exps)?)\.weight$/;

/** Writes a LoRA adapter for the model at `model` to `path`, which it returns: random matrices, the same for the same arguments. */
export function loraFile(path: string, model: string, options: LoraFileOptions = {}): string {
  const { changes = usual, rank = 4, type = 'f32', alpha, seed = 1, metadata = {}, tensors = (own) => own } = options;
  const { weights, metadata: own } = openModelFile(model);
  const random = new RandomTensors(seed);
  const matrix = (name: string, shape: readonly number[]): TensorSource => ({
    name,
    type: existingType(type),
    shape,
    data: () => random.bytes(name, existingType(type), elementCount(shape), { mean: 0, deviation: 0.1 }),
  });
  const pairOf = ({ name, shape }: Weight): readonly TensorSource[] => {
    const [width, rows, experts] = [at(shape, 0), at(shape, 1), shape.slice(2)];
    const looked = name === 'token_embd.weight';
    return [
      matrix(`${name}.lora_a`, looked ? [rank, rows] : [width, rank, ...experts]),
      matrix(`${name}.lora_b`, [rank, looked ? width : rows, ...experts]),
    ];
  };
  const changed = [...weights.values()].filter(({ name, shape }) => changes.test(name) && dimension(shape, 1) > 1);
  writeGguf(path, {
    metadata: {
      'general.type': str('adapter'),
      'general.architecture': str(own.string('general.architecture')),
      'adapter.type': str('lora'),
      ...(alpha !== undefined && { 'adapter.lora.alpha': f32(alpha) }),
      ...metadata,
    },
    tensors: tensors(changed.flatMap(pairOf)),
  });
  return path;
}
