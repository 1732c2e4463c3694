import { type GgmlType, typeNumbered } from '../src/gguf/types.ts';
import { elementCount } from '../src/gguf/weight.ts';
import {
  arr,
  f32,
  type GgufSource,
  type MetadataValue,
  str,
  type TensorSource,
  u32,
  writeGguf,
} from './gguf-writer.ts';
import { quantizable } from './quantize.ts';
import { type Content, RandomTensors } from './random-tensors.ts';

export type ArchitectureName = 'llama' | 'qwen2' | 'qwen3' | 'gemma3' | 'phi3';

/** The shape of a random model. Defaults are those of a small real model. */
export interface RandomModelSpec {
  readonly architecture: ArchitectureName;
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly kvHeads: number;
  /** width / heads unless given; qwen2 and phi3 can have no other. */
  readonly keyLength?: number;
  readonly feedForward: number;
  readonly vocabulary: number;
  /** 4096 unless given. */
  readonly context?: number;
  /**
   * ggml's name for the type of matrices, or of one by its name; f32 unless given, and for rows that are not whole
   * blocks.
   */
  readonly type?: string | ((tensor: string) => string);
  /** 1 unless given. */
  readonly seed?: number;
  /** Without `output.weight`: the embedding is the head too. */
  readonly tied?: boolean;
  /** On queries, keys and values, with llama on all projections of a layer; only for qwen2 unless given. */
  readonly biases?: boolean;
  /** One matrix for queries, keys and values; only for phi3 unless given. */
  readonly fusedQkv?: boolean;
  readonly rope?: RandomRope;
  /** gemma3: the tokens of its window, its rope's base, and every which layer (or which layers) are without one. */
  readonly window?: { readonly tokens: number; readonly base?: number; readonly pattern?: number | readonly boolean[] };
  /** gemma3: logits are squashed to (-softcap, softcap). */
  readonly softcap?: number;
  /** Alignment of tensor data; default 32. */
  readonly alignment?: number;
  /** Write this many shards. */
  readonly split?: number;
}

/** The rotation of a random model. Without anything, the whole head by base 10000. */
export interface RandomRope {
  readonly base?: number;
  readonly dims?: number;
  readonly scaling?: 'none' | 'linear' | 'yarn' | 'longrope';
  readonly factor?: number;
  readonly originalContext?: number;
  readonly attnFactor?: number;
  /** Factors of each frequency: one set ('fixed', as in Llama 3.1), or a pair for short and long contexts (Phi 3). */
  readonly factors?: 'fixed' | 'long-short';
}

interface Plan extends Content {
  readonly name: string;
  readonly shape: readonly number[];
}

type Filled = RandomModelSpec & { readonly keyLength: number; readonly seed: number; readonly rope: RandomRope };

const fill = (spec: RandomModelSpec): Filled => ({
  ...spec,
  keyLength: spec.keyLength ?? spec.width / spec.heads,
  seed: spec.seed ?? 1,
  rope: spec.rope ?? {},
});

function metadataOf(spec: Filled): Record<string, MetadataValue> {
  const { rope, window } = spec;
  const own: Record<string, MetadataValue | undefined> = {
    vocab_size: u32(spec.vocabulary),
    context_length: u32(spec.context ?? 4096),
    embedding_length: u32(spec.width),
    block_count: u32(spec.layers),
    feed_forward_length: u32(spec.feedForward),
    'attention.head_count': u32(spec.heads),
    'attention.head_count_kv': u32(spec.kvHeads),
    'attention.key_length': u32(spec.keyLength),
    'attention.value_length': u32(spec.keyLength),
    'attention.layer_norm_rms_epsilon': f32(1e-5),
    'attention.sliding_window': window && u32(window.tokens),
    'attention.sliding_window_pattern': window?.pattern === undefined ? undefined : pattern(window.pattern),
    'rope.dimension_count': u32(rope.dims ?? spec.keyLength),
    'rope.freq_base': rope.base === undefined ? undefined : f32(rope.base),
    'rope.freq_base_swa': window?.base === undefined ? undefined : f32(window.base),
    'rope.scaling.type': rope.scaling && str(rope.scaling),
    'rope.scaling.factor': rope.factor === undefined ? undefined : f32(rope.factor),
    'rope.scaling.original_context_length': rope.originalContext === undefined ? undefined : u32(rope.originalContext),
    'rope.scaling.attn_factor': rope.attnFactor === undefined ? undefined : f32(rope.attnFactor),
    final_logit_softcapping: spec.softcap === undefined ? undefined : f32(spec.softcap),
  };
  const metadata: Record<string, MetadataValue> = {
    'general.architecture': str(spec.architecture),
    'general.name': str(`random ${spec.architecture}`),
    'tokenizer.ggml.model': str('no_vocab'),
  };
  for (const [key, value] of Object.entries(own)) {
    if (value) metadata[`${spec.architecture}.${key}`] = value;
  }
  return metadata;
}

const pattern = (layers: number | readonly boolean[]): MetadataValue =>
  typeof layers === 'number' ? u32(layers) : arr('bool', layers);

/** Keeps the standard deviation of what it multiplies. */
const matrix = (name: string, from: number, to: number, deviation = 1): Plan => ({
  name: `${name}.weight`,
  shape: [from, to],
  mean: 0,
  deviation: deviation / Math.sqrt(from),
});

const norm = (name: string, width: number): Plan => ({
  name: `${name}.weight`,
  shape: [width],
  mean: 1,
  deviation: 0.1,
});

const bias = (name: string, width: number): Plan => ({ name: `${name}.bias`, shape: [width], mean: 0, deviation: 0.3 });

const ropeFactors = (name: string, dims: number, mean: number): Plan => ({
  name: `${name}.weight`,
  shape: [dims / 2],
  mean,
  deviation: 0.2 * mean,
});

function attentionPlans(spec: Filled, blk: string): readonly Plan[] {
  const { architecture, width, keyLength } = spec;
  const [queries, keyed] = [keyLength * spec.heads, keyLength * spec.kvHeads];
  const projections: (readonly [string, number])[] =
    (spec.fusedQkv ?? architecture === 'phi3')
      ? [['attn_qkv', queries + 2 * keyed]]
      : [
          ['attn_q', queries],
          ['attn_k', keyed],
          ['attn_v', keyed],
        ];
  const plans = projections.map(([name, to]) => matrix(`${blk}.${name}`, width, to));
  if (spec.biases ?? architecture === 'qwen2')
    plans.push(...projections.map(([name, to]) => bias(`${blk}.${name}`, to)));
  if (architecture === 'qwen3' || architecture === 'gemma3') {
    plans.push(norm(`${blk}.attn_q_norm`, keyLength), norm(`${blk}.attn_k_norm`, keyLength));
  }
  return [...plans, matrix(`${blk}.attn_output`, queries, width)];
}

function layerPlans(spec: Filled, il: number): readonly Plan[] {
  const { architecture, width, feedForward } = spec;
  const blk = `blk.${il}`;
  const plans = [norm(`${blk}.attn_norm`, width), ...attentionPlans(spec, blk), norm(`${blk}.ffn_norm`, width)];
  if (architecture === 'phi3') plans.push(matrix(`${blk}.ffn_up`, width, 2 * feedForward));
  else plans.push(matrix(`${blk}.ffn_gate`, width, feedForward), matrix(`${blk}.ffn_up`, width, feedForward));
  plans.push(matrix(`${blk}.ffn_down`, feedForward, width));
  if (architecture === 'gemma3') {
    plans.push(norm(`${blk}.post_attention_norm`, width), norm(`${blk}.post_ffw_norm`, width));
  }
  if (architecture === 'llama' && spec.biases) {
    plans.push(bias(`${blk}.attn_output`, width), bias(`${blk}.ffn_down`, width));
    plans.push(bias(`${blk}.ffn_gate`, feedForward), bias(`${blk}.ffn_up`, feedForward));
  }
  return plans;
}

/**
 * Elements of the residual stream start with a deviation of about 1. Not in a tied model: there its last token would
 * be the likeliest next one by far. Gemma multiplies by sqrt(width).
 */
function embeddingDeviation({ architecture, tied, width }: RandomModelSpec, spread: number): number {
  const gemma = architecture === 'gemma3';
  if (tied) return gemma ? 8 / Math.sqrt(width) : spread;
  return gemma ? 1 : Math.sqrt(width);
}

function tensorPlans(spec: Filled): readonly Plan[] {
  const { width, vocabulary, rope } = spec;
  const spread = 3; // the standard deviation of logits
  const plans = [matrix('token_embd', width, vocabulary, embeddingDeviation(spec, spread))];
  const dims = rope.dims ?? spec.keyLength;
  if (rope.factors === 'fixed') plans.push(ropeFactors('rope_freqs', dims, 2));
  if (rope.factors === 'long-short') {
    plans.push(ropeFactors('rope_factors_long', dims, 4), ropeFactors('rope_factors_short', dims, 1.2));
  }
  for (let il = 0; il < spec.layers; il += 1) plans.push(...layerPlans(spec, il));
  plans.push(norm('output_norm', width));
  if (!spec.tied) plans.push(matrix('output', width, vocabulary, spread));
  return plans;
}

const f32Type = typeNumbered(0) as GgmlType;
function typeFor(spec: RandomModelSpec, { name, shape }: Plan): GgmlType {
  const { type = 'f32' } = spec;
  if (shape.length < 2) return f32Type;
  const wanted = quantizable(typeof type === 'string' ? type : type(name));
  return (shape[0] ?? 1) % wanted.block === 0 ? wanted : f32Type;
}

/** The model that `writeRandomModel` writes. */
export function randomModel(spec: RandomModelSpec): GgufSource {
  const filled = fill(spec);
  const random = new RandomTensors(filled.seed);
  const tensors = tensorPlans(filled).map((plan): TensorSource => {
    const { name, shape } = plan;
    const type = typeFor(spec, plan);
    return { name, type, shape, data: () => random.bytes(name, type, elementCount(shape), plan) };
  });
  const { alignment, split } = spec;
  return {
    metadata: metadataOf(filled),
    tensors,
    ...(alignment === undefined ? {} : { alignment }),
    ...(split === undefined ? {} : { split }),
  };
}

/**
 * Writes a model of random weights that both libllama and we can run; it has a vocabulary size but no vocabulary.
 * The same spec gives the same bytes. Logits have a standard deviation of about 3. Returns the paths written.
 */
export const writeRandomModel = (path: string, spec: RandomModelSpec): readonly string[] =>
  writeGguf(path, randomModel(spec));
