import { at } from '../base/at.ts';
import { Disposer } from '../base/disposer.ts';
import { writeTensor } from '../ggml/data.ts';
import type { Device } from '../ggml/device.ts';
import { ExpertNodes, expertProductShape, type IndexList, type TensorPlace } from '../ggml/expert-nodes.ts';
import { I32 } from '../ggml/graph.ts';
import type { Pointer } from '../ggml/library.ts';
import type { Memory } from '../ggml/memory.ts';
import { ReusedGraph } from '../ggml/reused-graph.ts';
import { TensorSet } from '../ggml/tensor-set.ts';
import type { ExpertRound } from '../plan/expert-cache.ts';
import type { TransitAreas } from '../plan/expert-slots.ts';

/** A product of MUL_MAT_ID, and the tensor of slots that it is computed on. */
export interface SlotProduct {
  readonly node: Pointer;
  readonly slots: Pointer;
}

/** Makes the nodes that take products of experts through slots, and has the memory that they work in. */
export class ExpertTransit implements Disposable {
  /** The pairs of a round at most. */
  readonly pairs: number;
  readonly #areas: TransitAreas;
  readonly #owner: Disposer = new Disposer();
  readonly #memory: Memory;
  /** All of the memory as numbers. */
  readonly #numbers: Pointer;
  readonly #nodes: ExpertNodes = this.#owner.use(new ExpertNodes());
  readonly #graph: ReusedGraph = this.#owner.use(new ReusedGraph());
  #rounds = 0;

  /** Throws OUT_OF_MEMORY. */
  constructor(areas: TransitAreas, device: Pick<Device, 'memoryFor'>) {
    this.pairs = areas.pairs;
    this.#areas = areas;
    [this.#memory, this.#numbers] = this.#owner.building(() => {
      const memory = this.#owner.use(device.memoryFor(areas.bytes, 'rounds of experts'));
      const numbers = this.#owner.use(new TensorSet(1)).add(I32, [areas.bytes / 4]);
      memory.place(numbers, 0);
      return [memory, numbers];
    });
  }

  /** Forgets all nodes: they are not computed any more. */
  clear(): void {
    this.#nodes.clear();
  }

  /** A graph of nodes that were made here and others, until the next one is asked for. */
  graphOf(nodes: readonly Pointer[]): Pointer {
    return this.#graph.of(nodes);
  }

  /** Nodes for whole products of the same experts, those of a routing of one round. */
  whole(products: readonly SlotProduct[], { slots }: ExpertRound): readonly Pointer[] {
    const { slots: offset, pairsInBatch } = this.#areas;
    if (slots.length > pairsInBatch) throw new RangeError(`${slots.length} pairs are more than were planned for`);
    const list = this.#list(offset, slots);
    return products.map((product) => this.#nodes.overSlots(product.node, product.slots, list));
  }

  /**
   * Nodes for one round of products of the same inputs with the same experts. Those of two rounds, one after the other, may
   * be in one graph.
   */
  round(products: readonly SlotProduct[], { pairs, slots }: ExpertRound): readonly Pointer[] {
    const { node } = at(products, 0);
    if (pairs.length > this.pairs) throw new RangeError(`${pairs.length} pairs are more than ${this.pairs}`);
    const { used, inputs } = expertProductShape(node);
    const [fromOffset, slotOffset, toOffset] = at(this.#areas.lists, this.#rounds % 2) as [number, number, number];
    this.#rounds += 1;
    const from = pairs.map((pair) => Math.floor(pair / used) * inputs + ((pair % used) % inputs));
    const gathered = this.#nodes.gather(node, this.#list(fromOffset, from), this.#placeOf(this.#areas.inputs));
    const list = this.#list(slotOffset, slots);
    const to = this.#list(toOffset, pairs);
    return [
      gathered,
      ...products.flatMap((product) => {
        const weights = { slots: product.slots, list };
        const result = this.#nodes.multiply(product.node, weights, gathered, this.#placeOf(this.#areas.products));
        return [result, this.#nodes.scatter(product.node, result, to)];
      }),
    ];
  }

  #list(offset: number, numbers: readonly number[]): IndexList {
    writeTensor(this.#numbers, Int32Array.from(numbers), offset);
    return { ...this.#placeOf(offset), length: numbers.length };
  }

  #placeOf(offset: number): TensorPlace {
    return { memory: this.#memory, offset };
  }

  [Symbol.dispose](): void {
    this.#owner[Symbol.dispose]();
  }
}
