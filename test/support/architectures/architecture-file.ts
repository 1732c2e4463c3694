import { type MetadataValue, type TensorSource, u32, writeGguf } from '../../../bench/gguf-writer.ts';
import { quantizable } from '../../../bench/quantize.ts';
import { RandomTensors } from '../../../bench/random-tensors.ts';
import {
  type TinyVocabulary,
  tinyBytePair,
  tinyPlamo2,
  tinyRwkv,
  tinyUnigram,
  tinyWordPiece,
} from '../../../bench/tiny-vocabulary.ts';
import { isEncoder } from '../../../src/arch/encoders.ts';
import { at } from '../../../src/base/at.ts';
import type { GgmlType } from '../../../src/gguf/types.ts';
import { elementCount } from '../../../src/gguf/weight.ts';
import { existingType } from '../weights.ts';
import { type AskedTensor, askedTensors } from './asked-tensors.ts';
import { contentOf } from './contents.ts';
import { metadataOf, optionalTensors, type Sizes, sizesOf } from './recipe.ts';
import { recipeOf } from './rows.ts';

export interface ArchitectureFileOptions {
  /** A tokenizer that knows every byte; without it, token numbers are all there is. */
  readonly vocabulary?: boolean;
  /** The way in which embeddings become one (`pooling_type`); as the recipe says unless given. */
  readonly pooling?: number;
  /** Metadata beside those of the recipe. */
  readonly metadata?: Readonly<Record<string, MetadataValue>>;
  /** Tensors that the loader can do without, beside those of the recipe. */
  readonly optional?: readonly string[];
  /** Changes to the sizes of the recipe. */
  readonly sizes?: Partial<Sizes>;
  /**
   * ggml's name of the type of the experts' matrices; f32 unless given. Where rows are not whole blocks, it is f16: give
   * `sizes` for them (`expertVariants`).
   */
  readonly expertType?: string;
  /** 1 unless given. */
  readonly seed?: number;
}

const square = (side: number): Partial<Sizes> => ({ width: side, feedForward: side, expertFeedForward: side });

/**
 * Experts of other types and sizes, for any mixture. No matrix of the odd ones is whole pages, and those downwards are
 * of another type.
 */
export const expertVariants: Readonly<Record<'q4_K' | 'iq4_xs' | 'mxfp4' | 'odd', ArchitectureFileOptions>> = {
  q4_K: { expertType: 'q4_K', sizes: square(256) },
  iq4_xs: { expertType: 'iq4_xs', sizes: square(256) },
  mxfp4: { expertType: 'mxfp4', sizes: square(64) },
  odd: { expertType: 'q4_0', sizes: { width: 288, feedForward: 350, expertFeedForward: 350 } },
};

/** Is it the name of a matrix of all experts of a layer? */
export const isExperts = (name: string): boolean => /\.ffn_(gate|up|down|gate_up)_exps\.weight$/.test(name);

function typeOf({ name, shape }: AskedTensor, expertType = 'f32'): GgmlType {
  if (!isExperts(name)) return existingType('f32');
  const wanted = quantizable(expertType);
  return at(shape, 0) % wanted.block === 0 ? wanted : existingType('f16');
}

/** A layer as the last one is, and what makes its input of an embedding and the last state. */
function draftLayer(trunk: readonly AskedTensor[], { layers, width }: Sizes): readonly AskedTensor[] {
  const [before, own] = [`blk.${layers - 1}.`, `blk.${layers}.`];
  const like = trunk.filter(({ name }) => name.startsWith(before));
  return [
    ...like.map(({ name, shape }) => ({ name: name.replace(before, own), shape })),
    { name: `${own}nextn.eh_proj.weight`, shape: [2 * width, width] },
    ...['enorm', 'hnorm', 'shared_head_norm'].map((name) => ({ name: `${own}nextn.${name}.weight`, shape: [width] })),
  ];
}

/** A matrix with the rows that a recipe gives it. */
function widened(tensor: AskedTensor, rows: Readonly<Record<string, number>> = {}): AskedTensor {
  const count = rows[tensor.name.replace(/^blk\.\d+\./, '')];
  return count === undefined ? tensor : { ...tensor, shape: [at(tensor.shape, 0), count] };
}

/** The kind of vocabulary that models of an architecture have. */
function vocabularyOf(architecture: string, size: number): TinyVocabulary {
  if (/^rwkv[67]$/.test(architecture)) return tinyRwkv(size);
  if (/^plamo[23]$/.test(architecture)) return tinyPlamo2(size);
  if (isEncoder(architecture)) return architecture === 't5encoder' ? tinyUnigram(size) : tinyWordPiece(size);
  return tinyBytePair('gpt-2', [], size);
}

/**
 * Writes the small model of a row (`architectures`) to `path`, which it returns: some hundred kilobytes of random
 * weights, the same for the same arguments. Throws for a name without a recipe.
 */
export function architectureFile(path: string, name: string, options: ArchitectureFileOptions = {}): string {
  const recipe = recipeOf(name);
  const { vocabulary = false, expertType, seed = 1 } = options;
  const sizes = sizesOf(recipe, options.sizes);
  const architecture = recipe.architecture ?? name;
  const metadata = { ...metadataOf(architecture, recipe, sizes), ...options.metadata };
  const trunk =
    recipe.tensors?.(sizes) ??
    askedTensors(`${path}.asked`, metadata, [...optionalTensors(recipe, sizes), ...(options.optional ?? [])]);
  const narrow = recipe.draftLayer ? [...trunk, ...draftLayer(trunk, sizes)] : trunk;
  const asked = narrow.map((tensor) => widened(tensor, recipe.rows?.(sizes)));
  const tied = !asked.some((tensor) => tensor.name === 'output.weight');
  const random = new RandomTensors(seed);
  const tensors = asked.map((tensor): TensorSource => {
    const type = typeOf(tensor, expertType);
    const content = contentOf(tensor, tied);
    return { ...tensor, type, data: () => random.bytes(tensor.name, type, elementCount(tensor.shape), content) };
  });
  const tokenizer = vocabulary ? vocabularyOf(architecture, sizes.vocabulary).metadata : {};
  const more = {
    ...tokenizer,
    ...(options.pooling !== undefined && { [`${architecture}.pooling_type`]: u32(options.pooling) }),
    ...(recipe.draftLayer && {
      [`${architecture}.block_count`]: u32(sizes.layers + 1),
      [`${architecture}.nextn_predict_layers`]: u32(1),
    }),
  };
  writeGguf(path, { metadata: { ...metadata, ...more }, tensors });
  return path;
}
