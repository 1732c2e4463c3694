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

  /** The largest of the whole numbers of all layers, from 0 on: there is one for all, or a list of one for each. */
  largest(key: string, layers: number, fallback: number): number {
    const name = this.#prefix + key;
    const list = this.#metadata.isArray(name);
    const all = list ? this.#metadata.numbers(name) : [this.number(key, fallback)];
    if (list && all.length !== layers) this.refuse(key, `has ${all.length} entries for ${layers} layers`);
    const wrong = all.find((n) => !Number.isInteger(n) || n < 0 || n > limit);
    if (wrong !== undefined) this.refuse(key, `has ${wrong}; expected whole numbers from 0 to ${limit}`);
    return all.reduce((most, n) => Math.max(most, n), 0);
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
