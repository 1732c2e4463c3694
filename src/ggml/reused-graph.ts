import { alignUp } from '../base/bytes.ts';
import { loadGgml } from './api.ts';
import { Context } from './context.ts';
import type { Pointer } from './library.ts';

/** Room for nodes grows by so many. */
const growth = 256;

/** Graphs of any nodes, one after the other in the same memory. */
export class ReusedGraph implements Disposable {
  #memory: Context | undefined;
  #capacity = 0;

  /** A graph that computes `nodes` in this order; the one before is lost. Throws OUT_OF_MEMORY. */
  of(nodes: readonly Pointer[]): Pointer {
    const api = loadGgml();
    const { pointer } = this.#memoryFor(nodes.length);
    api.ggml_reset(pointer);
    const graph = api.ggml_new_graph_custom(pointer, nodes.length, false);
    for (const node of nodes) api.ggml_graph_add_node(graph, node);
    return graph;
  }

  #memoryFor(nodes: number): Context {
    if (this.#memory && nodes <= this.#capacity) return this.#memory;
    this.#memory?.[Symbol.dispose]();
    this.#memory = undefined;
    this.#capacity = alignUp(nodes, growth);
    const api = loadGgml();
    this.#memory = new Context(api.ggml_graph_overhead_custom(this.#capacity, false) + api.ggml_tensor_overhead());
    return this.#memory;
  }

  [Symbol.dispose](): void {
    this.#memory?.[Symbol.dispose]();
    this.#memory = undefined;
  }
}
