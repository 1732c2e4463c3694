import { arr, bool, f32, type MetadataValue, str, u32 } from '../../../bench/gguf-writer.ts';
import type { AskedTensor } from './asked-tensors.ts';

/** Sizes of a model, in elements. */
export interface Sizes {
  readonly vocabulary: number;
  readonly context: number;
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly feedForward: number;
  readonly experts: number;
  /** Experts that a token uses. */
  readonly used: number;
  readonly expertFeedForward: number;
  /** Tokens that a layer with a window sees. */
  readonly window: number;
}

/** Metadata by key; in a recipe without the architecture's name. */
export type ModelKeys = Readonly<Record<string, MetadataValue>>;

/**
 * The state that layers keep of a text. A model that keeps nothing sees one batch; in a hybrid some layers have a
 * recurrent state, others keys and values.
 */
export type StateKind = 'nothing' | 'keys and values' | 'windows' | 'compressed' | 'latent' | 'recurrent' | 'hybrid';

/** The makings of a small model of an architecture, beyond the tensors that its loader requires anyway. */
export interface Recipe {
  /** The name in the file, where that of the recipe is another. */
  readonly architecture?: string;
  /** Changes to the usual sizes. */
  readonly sizes?: Partial<Sizes>;
  /** Libllama computes logits of all tokens of a batch, and takes the first ones for those that were wanted. */
  readonly allOutputs?: boolean;
  /** Libllama computes batches of several sequences wrong: each has its own. */
  readonly batchesApart?: boolean;
  /** Libllama hides tokens in the first row of logits alone. */
  readonly hidesInFirstRow?: boolean;
  /** One more layer, which drafts tokens: the graph of the model does not ask for it. */
  readonly draftLayer?: boolean;
  /** Some layers have experts. */
  readonly experts?: boolean;
  /** All keys and values unless given. */
  readonly state?: StateKind;
  /** Metadata beside the usual ones, or in place of them. */
  readonly keys?: (sizes: Sizes) => ModelKeys;
  /**
   * Tensors that the loader can do without, "*" for each layer; only `output.weight` unless given. A model without that
   * has a tied head.
   */
  readonly optional?: readonly string[];
  /** Rows of tensors that a file may widen, by their names in a layer. */
  readonly rows?: (sizes: Sizes) => Readonly<Record<string, number>>;
  /** All tensors, where the loader cannot be asked for them. */
  readonly tensors?: (sizes: Sizes) => readonly AskedTensor[];
}

const usualSizes: Sizes = {
  vocabulary: 320,
  context: 256,
  layers: 2,
  width: 64,
  heads: 4,
  kvHeads: 2,
  feedForward: 96,
  experts: 8,
  used: 2,
  expertFeedForward: 32,
  window: 8,
};

/** The sizes of a recipe, with further changes. */
export const sizesOf = (recipe: Recipe, changes: Partial<Sizes> = {}): Sizes => ({
  ...usualSizes,
  ...recipe.sizes,
  ...changes,
});

/** ModelKeys of a mixture; a loader takes those that it knows. */
const expertKeys = ({ experts, used, expertFeedForward }: Sizes): ModelKeys => ({
  expert_count: u32(experts),
  expert_used_count: u32(used),
  expert_feed_forward_length: u32(expertFeedForward),
  expert_shared_feed_forward_length: u32(expertFeedForward + 16),
  expert_shared_count: u32(1),
  expert_weights_scale: f32(1.5),
  expert_weights_norm: bool(true),
  expert_gating_func: u32(2), // sigmoid
  leading_dense_block_count: u32(1),
});

/** All metadata of a model that has no vocabulary. */
export function metadataOf(architecture: string, recipe: Recipe, sizes: Sizes): ModelKeys {
  const { vocabulary, context, layers, width, heads, kvHeads, feedForward, window } = sizes;
  const quarter = heads === 0 ? 0 : width / heads / 4;
  const own: ModelKeys = {
    vocab_size: u32(vocabulary),
    context_length: u32(context),
    embedding_length: u32(width),
    block_count: u32(layers),
    feed_forward_length: u32(feedForward),
    'attention.head_count': u32(heads),
    'attention.head_count_kv': u32(kvHeads),
    'attention.layer_norm_epsilon': f32(1e-5),
    'attention.layer_norm_rms_epsilon': f32(1e-5),
    'attention.sliding_window': u32(window),
    'rope.dimension_sections': arr('u32', [quarter, quarter, quarter, quarter]),
    ...(recipe.experts && expertKeys(sizes)),
    ...recipe.keys?.(sizes),
  };
  const named = Object.entries(own).map(([key, value]) => [
    /^(xielu|tokenizer)\./.test(key) ? key : `${architecture}.${key}`,
    value,
  ]);
  return {
    'general.architecture': str(architecture),
    'general.name': str('random'),
    'tokenizer.ggml.model': str('no_vocab'),
    ...Object.fromEntries(named),
  };
}

/** `recipe.optional` with the numbers of layers. */
export const optionalTensors = ({ optional = ['output.weight'] }: Recipe, sizes: Sizes): readonly string[] =>
  optional.flatMap((name) => (name.includes('*') ? perLayer(sizes, (il) => name.replace('*', `${il}`)) : [name]));

/** A value for each layer. */
export const perLayer = <T>({ layers }: Sizes, value: (layer: number) => T): T[] =>
  Array.from({ length: layers }, (_, layer) => value(layer));

/** Names of tensors of one layer or, with "*", of each. */
export const inLayer = (layer: number | '*', ...names: readonly string[]): readonly string[] =>
  names.map((name) => `blk.${layer}.${name}`);

/** Names of the matrices of a layer's gated network: those of "exps" are its experts', of "shexp" the shared expert's. */
export const gated = (layer: number | '*', kind: '' | '_exps' | '_shexp' = ''): readonly string[] =>
  inLayer(layer, ...['gate', 'up', 'down'].map((part) => `ffn_${part}${kind}.weight`));
