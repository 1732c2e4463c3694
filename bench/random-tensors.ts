import { type GgmlType, rowBytes } from '../src/gguf/types.ts';
import { quantize } from './quantize.ts';
import { Random } from './random.ts';
import { isSlow, randomBlocks } from './random-blocks.ts';

/** The distribution of a tensor's elements: uniform with this mean and standard deviation. */
export interface Content {
  readonly mean: number;
  readonly deviation: number;
}

/** Elements that are made at once, and of the largest tensor that has all of its elements to itself. */
const chunkElements = 2 ** 20;
/** A prime, and more than a vocabulary has tokens: rows of any length begin at another block each. */
const poolBlocks = 2 ** 17 - 1;

function randomElements(type: GgmlType, random: Random, count: number, content: Content): Uint8Array {
  if (isSlow(type)) return randomBlocks(type, random, count, content.deviation);
  return quantize(type, random.floats(count, content), type.block);
}

/**
 * Makes random tensors: a small one of its own elements, a large one at the speed of copying, from a pool that all of
 * its type and content share. A tensor depends on nothing but the seed, its name, type, size and content.
 */
export class RandomTensors {
  readonly #seed: number;
  readonly #pools = new Map<string, Uint8Array>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  /** The bytes of `count` elements, which are whole blocks. No two rows of a large matrix are equal. */
  *bytes(name: string, type: GgmlType, count: number, content: Content): Iterable<Uint8Array> {
    const random = new Random(`${this.#seed}/${name}`);
    if (count <= chunkElements) {
      yield randomElements(type, random, count, content);
      return;
    }
    const pool = this.#pool(type, content);
    const [word = 0] = random.words(1);
    let start = (word % poolBlocks) * type.bytes;
    for (let left = rowBytes(type, count); left > 0; start = 0) {
      const chunk = pool.subarray(start, start + left);
      yield chunk;
      left -= chunk.length;
    }
  }

  #pool(type: GgmlType, content: Content): Uint8Array {
    const key = `${type.name}/${content.mean}/${content.deviation}`;
    const known = this.#pools.get(key);
    if (known) return known;
    const random = new Random(`${this.#seed}/${key}`);
    const pool = new Uint8Array(poolBlocks * type.bytes);
    const chunkBytes = rowBytes(type, chunkElements);
    for (let at = 0; at < pool.length; at += chunkBytes) {
      const blocks = Math.min(chunkBytes, pool.length - at) / type.bytes;
      pool.set(randomElements(type, random, blocks * type.block, content), at);
    }
    this.#pools.set(key, pool);
    return pool;
  }
}
