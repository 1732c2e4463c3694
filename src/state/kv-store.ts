import { at } from '../base/at.ts';
import type { Device } from '../ggml/device.ts';
import { F32, type Tensor } from '../ggml/graph.ts';
import { type Memory, sharedBytes } from '../ggml/memory.ts';
import { TensorSet } from '../ggml/tensor-set.ts';
import type { Reader } from '../pager/reader.ts';
import { KvLayer, type KvLayerParts } from './kv-layer.ts';
import { type KvArea, type KvShape, kvAreas, kvBytes, kvForm, kvTypeOf } from './kv-shape.ts';
import { type KvRows, sinkShiftsAt, sinksOf } from './rows.ts';
import type { SequenceState } from './sequence-state.ts';
import { SpilledArea } from './spilled-area.ts';

/** The file of keys and values on the SSD, and this sequence's position in it. */
export interface KvFile {
  readonly reader: Reader;
  readonly file: number;
  readonly position: number;
}

/** The keys and values of one sequence, all layers. */
export class KvStore implements SequenceState {
  readonly shape: KvShape;
  readonly layers: readonly KvLayer[];
  readonly canCopy = true;
  /** The rows of layers with sinks: all of them have the same. */
  readonly sinkRows: KvRows | undefined;
  /** The number of times that other bytes were put in place of stored ones. */
  version = 0;
  readonly #tensors: TensorSet;
  /** Memory of its own. */
  #memory: Memory | undefined;
  /** The steps by which each copy of the sinks has followed the window; undefined for one that must be made anew. */
  #sinkCopies: readonly (number | undefined)[] = [0, undefined];

  /**
   * A store over memory that the caller keeps, `kvBytes(shape)` long. Its contents must be finite numbers, zeros at
   * first. Keys and values on the SSD are in `file`, but for those that have not been written yet.
   */
  constructor(shape: KvShape, memory: Pick<Memory, 'place' | 'shared' | 'read' | 'write'>, file?: KvFile) {
    this.shape = shape;
    this.#tensors = new TensorSet(4 * shape.layers);
    const { id } = kvTypeOf(shape.type);
    const tensor = (type: number, tensorShape: readonly number[], { offset }: KvArea): Tensor => {
      const pointer = this.#tensors.add(type, tensorShape);
      memory.place(pointer, offset);
      return { pointer, shape: tensorShape };
    };
    const spilled = ({ offset, length }: KvArea, tail: KvArea): SpilledArea => {
      if (!file) throw new RangeError('there is no file for what lives on the SSD');
      const place = { ...file, position: file.position + offset, bytes: length };
      return new SpilledArea({ ...place, tail: sharedBytes(memory).view(tail.offset, tail.length) });
    };
    const { keyLength, valueLength, kvHeads } = shape;
    this.layers = kvAreas(shape).layers.map((areas) => {
      const { rows, k, v, tails, sinks } = areas;
      const count = sinksOf(rows);
      const inRam = (length: number, heads: readonly KvArea[]): Tensor =>
        tensor(id, [length, rows.count, kvHeads], at(heads, 0));
      const onSsd = (heads: readonly KvArea[], units: readonly KvArea[]): readonly SpilledArea[] =>
        heads.map((area, head) => spilled(area, at(units, head)));
      const ofSinks = (length: number, area: KvArea): Tensor => tensor(F32, [length * kvHeads, count], area);
      const tensors: KvLayerParts = {
        parts: tails
          ? { home: 'ssd', k: onSsd(k, tails.k), v: onSsd(v, tails.v) }
          : { home: 'ram', k: inRam(keyLength, k), v: inRam(valueLength, v) },
        sinks: count > 0 ? { k: ofSinks(keyLength, sinks.k), v: ofSinks(valueLength, sinks.v) } : undefined,
      };
      return new KvLayer(tensors, areas, memory);
    });
    this.sinkRows = this.layers.find(({ sinks }) => sinks)?.rows;
  }

  /** A store with zeroed memory of its own, of `device`. Throws OUT_OF_MEMORY. */
  static allocate(shape: KvShape, device: Pick<Device, 'memoryFor'>, file?: KvFile): KvStore {
    const memory = device.memoryFor(kvBytes(shape), 'keys and values');
    // Attention also multiplies the rows that its mask hides: they must not be NaN.
    memory.clear();
    const store = new KvStore(shape, memory, file);
    store.#memory = memory;
    return store;
  }

  /** The store that a state is. Throws for those that other graphs have made. */
  static of(state: SequenceState): KvStore {
    if (state instanceof KvStore) return state;
    throw new RangeError('these states are no keys and values of ours');
  }

  get context(): number {
    return this.shape.context;
  }

  get form(): string {
    return kvForm(this.shape);
  }

  get inMemory(): boolean {
    return this.layers.every(({ parts }) => parts.home === 'ram');
  }

  /** The number of sinks among tokens start .. start + n. */
  newSinks(start: number, n: number): number {
    const sinks = this.sinkRows ? sinksOf(this.sinkRows) : 0;
    return Math.max(0, Math.min(sinks, start + n) - start);
  }

  /** The steps by which copies of the sinks must follow the window before a pass over tokens start .. start + n. */
  sinkShifts(start: number, n: number): readonly number[] {
    const rows = this.sinkRows;
    if (!rows) return [];
    const steps = new Set([sinkShiftsAt(rows, start), sinkShiftsAt(rows, start + n - 1)]);
    // Sinks that are part of the pass store themselves.
    return [...steps].filter((step) => this.#sinkCopies[step % 2] !== step && !(step === 0 && start === 0));
  }

  /** Records the end of a pass over tokens start .. start + n, in which the copies have followed. */
  commitSinkShifts(start: number, n: number): void {
    // The copy of new sinks is the one that they were stored to.
    const copies = this.newSinks(start, n) > 0 ? [0, undefined] : [...this.#sinkCopies];
    for (const steps of this.sinkShifts(start, n)) copies[steps % 2] = steps;
    this.#sinkCopies = copies;
  }

  /** Marks copies of the sinks as to be made anew: other bytes were put in place, or a pass has failed on the way. */
  replaced(): void {
    this.#sinkCopies = [undefined, undefined];
    this.version += 1;
  }

  [Symbol.dispose](): void {
    this.#tensors[Symbol.dispose]();
    this.#memory?.[Symbol.dispose]();
  }
}
