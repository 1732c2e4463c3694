import type { Graph, Tensor, WeightTensor } from '../ggml/graph.ts';
import type { Rope } from '../ggml/rope.ts';
import type { Metadata } from '../gguf/metadata.ts';
import type { RopeOptions } from './rope.ts';

/** A model's metadata, checked: every number is in range and they fit together. */
export interface Config {
  readonly architecture: string;
  readonly layers: number;
  /** Elements of the residual stream. */
  readonly width: number;
  readonly heads: number;
  readonly kvHeads: number;
  /** Elements of one head's key and value. */
  readonly keyLength: number;
  readonly valueLength: number;
  /** Elements of the feed-forward layer. */
  readonly feedForward: number;
  readonly vocabulary: number;
  /** Tokens that the model can see at once: as many as it was trained for, or as its rope is stretched to. */
  readonly context: number;
  readonly epsilon: number;
  readonly rope: Rope;
  /** Sliding-window attention: its tokens, its own rope, and the layers that have it. */
  readonly window?: { readonly tokens: number; readonly rope: Rope; readonly layers: readonly boolean[] };
  /** Bound of the logits, which are squashed to (-softcap, softcap); 0 leaves them. */
  readonly logitSoftcap: number;
}

/**
 * Weights by their GGUF names: asking for one records the need, and checks the shape. Throws MISSING_TENSOR,
 * WRONG_SHAPE.
 */
export interface Weights {
  (name: string, shape: readonly number[]): WeightTensor;
  has(name: string): boolean;
}

/** The inputs of attention, and the rotation of keys. */
export interface Projections {
  /** Queries (keyLength, heads, tokens), rotated. */
  readonly q: Tensor;
  /** Keys (keyLength, kvHeads, tokens), not rotated. */
  readonly k: Tensor;
  /** Values (valueLength * kvHeads, tokens). */
  readonly v: Tensor;
  /** Rotates k, or some of it, by `positions` (tokens), int32. */
  rotate(k: Tensor, positions: Tensor): Tensor;
}

/** The tokens at hand, whoever they belong to, as a stage sees them. */
export interface Batch {
  /** The largest distance between a token and one that it sees. */
  readonly maxDistance: number;
  /** Positions (tokens), int32. */
  readonly positions: Tensor;
  /** The rows of an embedding matrix (width, vocabulary) for the batch's tokens -> (width, tokens). */
  embed(name: string, shape: readonly number[]): Tensor;
  /**
   * Stores k and v, and attends to the stored tokens of each token's sequence in `layer`: softmax(scale * q k') v,
   * (valueLength * heads, tokens).
   */
  attend(layer: number, projected: Projections, scale: number): Tensor;
  /** The columns of x (n, tokens) whose logits are asked for. */
  outputs(x: Tensor): Tensor;
}

/** The graph that a stage builds, its weights and its tokens. */
export interface BuildContext {
  readonly graph: Graph;
  readonly weights: Weights;
  readonly batch: Batch;
}

/**
 * A part of the model that takes the residual stream (width, tokens) a step further. The first one starts it, the last one
 * is the head.
 */
export interface Stage {
  readonly name: string;
  build(context: BuildContext, x: Tensor): Tensor;
}

/** A model family: one file in arch/families/, one line in arch/registry.ts. */
export interface Architecture {
  /** The name in `general.architecture`. */
  readonly name: string;
  /**
   * The config, with the rope that `rope` wants. Throws METADATA_MISSING, METADATA_INVALID, UNSUPPORTED_MODEL,
   * BAD_OPTION.
   */
  config(metadata: Metadata, rope?: RopeOptions): Config;
  stages(config: Config): readonly Stage[];
}
