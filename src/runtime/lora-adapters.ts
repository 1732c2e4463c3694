import { statSync } from 'node:fs';
import { at } from '../base/at.ts';
import { alignUp } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { realPath } from '../base/regular-file.ts';
import { multiplied } from '../exec/slice-tensors.ts';
import type { Metadata } from '../gguf/metadata.ts';
import { type ModelFile, openModelFile } from '../gguf/model-file.ts';
import { dimension, type Weight } from '../gguf/weight.ts';

/**
 * A LoRA adapter: a GGUF file of small matrices whose products are added to those of a model's weights.
 *
 * @example const lora: LoraOption = { path: 'style.gguf', scale: 0.8 };
 */
export interface LoraOption {
  readonly path: string;
  /** Factor of what is added; 0 adds nothing. Default: 1. */
  readonly scale?: number | undefined;
}

/** An adapter whose header fits a model. */
export interface LoraAdapter {
  readonly path: string;
  readonly scale: number;
  /** Bytes that it takes in memory, those of loading it included. */
  readonly bytes: number;
  readonly pairs: readonly LoraPair[];
}

/** The matrices A (in, rank) and B (rank, rows) of a weight (in, rows), one of each for every expert where it has some. */
interface LoraPair {
  readonly weight: Weight;
  readonly rank: number;
}

/**
 * The scale of one of a model's adapters, which are numbered from 0.
 *
 * @example const loras: AdapterScale[] = [{ id: 0, scale: 0.5 }];
 */
export interface AdapterScale {
  readonly id: number;
  readonly scale: number;
}

/**
 * The scales of all adapters where some are `given` and the others are 0; undefined where that is as the model has them by
 * itself (`own`). Throws BAD_OPTION for numbers and scales that there are not.
 */
export function scalesOf(
  given: readonly AdapterScale[] | undefined,
  own: readonly number[],
): readonly number[] | undefined {
  if (!given) return undefined;
  for (const { id, scale } of given) {
    if (own[id] !== undefined && Number.isFinite(Math.fround(scale))) continue;
    const expected =
      own.length === 0 ? 'none: the model has no adapters' : `numbers from 0 to ${own.length - 1}, with scales`;
    throw new EngineError('BAD_OPTION', { option: 'lora', value: `${id}: ${scale}`, expected });
  }
  const scales = own.map((_, id) => given.findLast((one) => one.id === id)?.scale ?? 0);
  return scales.every((scale, id) => scale === own[id]) ? undefined : scales;
}

/** Alignment of a tensor in ggml's memory, and bytes of libllama's descriptions of a pair. */
const [alignment, describedBytes] = [64, 8 * 2 ** 10];
const alpha = 'adapter.lora.alpha';
const embedding = 'token_embd.weight';

/**
 * Reads the header of an adapter, and checks that it fits `model`: libllama ends the process on some that do not. Throws
 * ADAPTER_UNSUITABLE, BAD_OPTION for a scale that is no number, and the errors of gguf/.
 */
export function openAdapter({ path, scale = 1 }: LoraOption, model: ModelFile): LoraAdapter {
  if (!Number.isFinite(Math.fround(scale))) {
    throw new EngineError('BAD_OPTION', {
      option: 'loras',
      value: `${path}=${scale}`,
      expected: 'a number as its scale',
    });
  }
  const refuse = (what: string): never => {
    throw new EngineError('ADAPTER_UNSUITABLE', { file: path, what });
  };
  const { files, metadata, weights } = openModelFile(path);
  if (files.length > 1) refuse('it is divided into parts; join them');
  checkMetadata(metadata, model.metadata.string('general.architecture'), refuse);
  const pairs = pairsOf(weights, refuse).map(({ name, a, b }): LoraPair => {
    const weight = model.weights.get(name) ?? refuse(`the model has no ${name}`);
    const isEmbedding = name === embedding;
    if (isEmbedding && !model.weights.has('output.weight')) {
      refuse(`it changes ${name}, which is the head of this model, too; libllama cannot apply that`);
    }
    checkPair(weight, { a, b, isEmbedding }, refuse);
    return { weight, rank: dimension(b.shape, 0) };
  });
  const sizes = [...weights.values()].map(({ extent }) => extent.length);
  const kept = sizes.reduce((sum, bytes) => sum + alignUp(bytes, alignment), pairs.length * describedBytes);
  // Libllama reads each matrix to memory of its own, which grows by copying.
  return { path, scale, bytes: kept + 2 * Math.max(...sizes), pairs };
}

type Refuse = (what: string) => never;

function checkMetadata(metadata: Metadata, architecture: string, refuse: Refuse): void {
  if (!isAdapter(metadata)) refuse('it is a model, not an adapter');
  const type = metadata.string('adapter.type');
  if (type !== 'lora') refuse(`it is an adapter of type "${type}", not "lora"`);
  const own = metadata.string('general.architecture');
  if (own !== architecture) refuse(`it was made for architecture "${own}", not "${architecture}"`);
  metadata.number(alpha, 0);
  if (metadata.has(alpha) && metadata.typeOf(alpha) !== 'f32') refuse(`its ${alpha} is no float32`);
  if (metadata.has('adapter.alora.invocation_tokens')) {
    refuse('it begins with certain tokens of a text (adapter.alora.invocation_tokens), which is not supported');
  }
}

/** True for the metadata of an adapter of a model. */
export const isAdapter = (metadata: Metadata): boolean =>
  metadata.has('general.type') && metadata.raw('general.type') === 'adapter';

/** The matrices of each weight that an adapter changes. */
function pairsOf(
  weights: ReadonlyMap<string, Weight>,
  refuse: Refuse,
): readonly { readonly name: string; readonly a: Weight; readonly b: Weight }[] {
  const names = new Set(
    [...weights.keys()].map(
      (name) => /^(.+)\.lora_[ab]$/.exec(name)?.[1] ?? refuse(`it changes ${name} in another way`),
    ),
  );
  if (names.size === 0) refuse('it has no matrices');
  return [...names].map((name) => ({
    name,
    a: weights.get(`${name}.lora_a`) ?? refuse(`it has no ${name}.lora_a`),
    b: weights.get(`${name}.lora_b`) ?? refuse(`it has no ${name}.lora_b`),
  }));
}

/** Checks the shapes and types of the matrices of a weight; those of the embedding are looked up the other way round. */
function checkPair(
  { name, shape }: Weight,
  { a, b, isEmbedding }: { readonly a: Weight; readonly b: Weight; readonly isEmbedding: boolean },
  refuse: Refuse,
): void {
  if (shape.length < 2) refuse(`it changes ${name}, which is not a matrix`);
  const [width, rows, ...experts] = shape;
  const rank = dimension(b.shape, 0);
  const wanted = isEmbedding
    ? { a: [rank, rows, ...experts], b: [rank, width, ...experts] }
    : { a: [width, rank, ...experts], b: [rank, rows, ...experts] };
  for (const [matrix, expected] of [
    [a, wanted.a],
    [b, wanted.b],
  ] as const) {
    const fits = [0, 1, 2, 3].every((i) => dimension(matrix.shape, i) === (i < expected.length ? at(expected, i) : 1));
    if (!fits) refuse(`its ${matrix.name} has shape [${matrix.shape.join(', ')}] instead of [${expected.join(', ')}]`);
    if (!multiplied.has(matrix.type))
      refuse(`its ${matrix.name} has type ${matrix.type.name}, which cannot be multiplied`);
  }
}

/** A name for an adapter's file as it is now, and its scale: keys and values depend on both. */
export const identityOfAdapter = ({ path, scale }: LoraAdapter): unknown => {
  const { size, mtimeMs } = statSync(path);
  return [realPath(path), size, mtimeMs, scale];
};
