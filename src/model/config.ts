import { EngineError } from '../base/errors.ts';
import type { Rope } from '../ggml/graph.ts';
import type { Metadata } from '../gguf/metadata.ts';
import type { Config } from './architecture.ts';

/** How heads pair the elements that rope rotates: neighbours, or first half with second half. */
export const ropeNormal = 0;
export const ropeNeox = 2;

/** No count in a model is larger, nor are all heads of a token together. What is, is damage. */
const limit = 2 ** 24;
const headLimit = 2 ** 18;

/** Reads the keys that all architectures share. Throws METADATA_MISSING, METADATA_INVALID, UNSUPPORTED_MODEL. */
export function readConfig(metadata: Metadata, ropeMode: number): Config {
  const architecture = metadata.string('general.architecture');
  const keys = new Keys(metadata, architecture);

  const width = keys.count('embedding_length');
  const heads = keys.count('attention.head_count');
  const kvHeads = keys.count('attention.head_count_kv', heads);
  if (heads % kvHeads !== 0)
    keys.refuse('attention.head_count_kv', `is ${kvHeads}, which does not divide ${heads} heads`);
  const keyLength = keys.count('attention.key_length', Math.floor(width / heads));
  const valueLength = keys.count('attention.value_length', Math.floor(width / heads));
  if (keyLength !== valueLength)
    throw new EngineError('UNSUPPORTED_MODEL', { what: 'keys and values of different length' });
  if (heads * keyLength > headLimit) keys.refuse('attention.head_count', `is ${heads}, of ${keyLength} elements each`);
  if (keyLength % 8 !== 0) keys.refuse('attention.key_length', `is ${keyLength}, not a multiple of 8`);
  if (keys.number('expert_count', 0) > 0) throw new EngineError('UNSUPPORTED_MODEL', { what: 'a mixture of experts' });

  const context = keys.count('context_length');
  return {
    architecture,
    layers: keys.count('block_count', undefined, 1024),
    width,
    heads,
    kvHeads,
    keyLength,
    valueLength,
    feedForward: keys.count('feed_forward_length'),
    vocabulary: metadata.arrayLength('tokenizer.ggml.tokens', undefined) ?? keys.count('vocab_size'),
    context,
    epsilon: keys.positive('attention.layer_norm_rms_epsilon'),
    rope: readRope(keys, { mode: ropeMode, dims: keyLength, context }),
    logitSoftcap: 0,
  };
}

/** The keys of one architecture, checked as they are read. */
export class Keys {
  readonly #metadata: Metadata;
  readonly #prefix: string;

  constructor(metadata: Metadata, architecture: string) {
    this.#metadata = metadata;
    this.#prefix = `${architecture}.`;
  }

  has(key: string): boolean {
    return this.#metadata.has(this.#prefix + key);
  }

  number<F = never>(key: string, ...fallback: [] | [F]): number | F {
    return this.#metadata.number(this.#prefix + key, ...fallback);
  }

  string<F = never>(key: string, ...fallback: [] | [F]): string | F {
    return this.#metadata.string(this.#prefix + key, ...fallback);
  }

  /** A whole number in [1, max]. */
  count(key: string, fallback?: number, max: number = limit): number {
    const n = fallback === undefined ? this.number(key) : this.number(key, fallback);
    if (!Number.isInteger(n) || n < 1 || n > max) this.refuse(key, `is ${n}; expected a whole number from 1 to ${max}`);
    return n;
  }

  positive(key: string, fallback?: number): number {
    const n = fallback === undefined ? this.number(key) : this.number(key, fallback);
    if (!(n > 0)) this.refuse(key, `is ${n}; expected a positive number`);
    return n;
  }

  /** One boolean per layer, or a period: every `period`-th layer is false, the others true. */
  pattern(key: string, layers: number, period: number): readonly boolean[] {
    const name = this.#prefix + key;
    if (this.#metadata.isArray(name)) {
      const flags = this.#metadata.booleans(name);
      if (flags.length < layers) this.refuse(key, `has ${flags.length} entries for ${layers} layers`);
      return flags.slice(0, layers);
    }
    const every = this.count(key, period);
    return Array.from({ length: layers }, (_, il) => il % every < every - 1);
  }

  refuse(key: string, what: string): never {
    throw new EngineError('METADATA_INVALID', { file: this.#metadata.file, key: this.#prefix + key, what });
  }
}

const scalings: readonly string[] = ['none', 'linear', 'yarn', 'longrope'];

/** Rope as the metadata describes it: plain, or stretched to a longer context. */
function readRope(keys: Keys, model: { mode: number; dims: number; context: number }): Rope {
  const scaling = keys.string('rope.scaling.type', 'linear');
  if (!scalings.includes(scaling)) {
    keys.refuse('rope.scaling.type', `is "${scaling}"; expected one of ${scalings.join(', ')}`);
  }
  const dims = keys.count('rope.dimension_count', model.dims);
  if (dims > model.dims || dims % 2 !== 0) keys.refuse('rope.dimension_count', `is ${dims} for heads of ${model.dims}`);

  // `scale_linear` is the older name of `scaling.factor`.
  const factor = keys.number('rope.scaling.factor', undefined) ?? keys.number('rope.scale_linear', 0);
  if (factor < 0) keys.refuse('rope.scaling.factor', `is ${factor}; expected a positive number`);
  return {
    dims,
    mode: model.mode,
    originalContext: keys.count('rope.scaling.original_context_length', model.context),
    base: keys.positive('rope.freq_base', 10000),
    scale: scaling === 'none' || factor === 0 ? 1 : 1 / factor,
    // YaRN's own magnitude correction is inside ggml; `attn_factor` comes on top of it.
    extFactor: scaling === 'yarn' ? 1 : 0,
    attnFactor: keys.positive('rope.scaling.attn_factor', 1),
    betaFast: 32,
    betaSlow: 1,
  };
}
