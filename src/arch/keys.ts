import { EngineError } from '../base/errors.ts';
import type { Metadata } from '../gguf/metadata.ts';

/** Largest plausible count; more means a damaged file. */
const limit = 2 ** 24;

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

  /** A whole number, or the largest of one for each layer; 0 is none. */
  largest(key: string, fallback: number): number {
    const name = this.#prefix + key;
    const all = this.#metadata.isArray(name) ? this.#metadata.numbers(name) : [this.number(key, fallback)];
    const n = all.reduce((most, one) => Math.max(most, one), 0);
    if (!Number.isInteger(n) || n > limit) this.refuse(key, `has ${n}; expected whole numbers from 0 to ${limit}`);
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
