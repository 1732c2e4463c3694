import { EngineError } from '../base/errors.ts';
import { loadGgml } from './api.ts';
import type { Graph } from './graph.ts';
import type { Pointer } from './library.ts';

/** The memory of a graph's intermediate tensors: one buffer, reused over time. */
export class GraphAllocator implements Disposable {
  readonly #bufferType: Pointer;
  readonly #pointer: Pointer;

  /** Memory of a device's buffer type; default: the CPU's. */
  constructor(bufferType: Pointer = loadGgml().ggml_backend_cpu_buffer_type()) {
    this.#bufferType = bufferType;
    this.#pointer = loadGgml().ggml_gallocr_new(bufferType);
  }

  /** Places every intermediate tensor of `graph`. The results of an earlier graph are lost. Throws OUT_OF_MEMORY. */
  allocate(graph: Graph): void {
    const placed = loadGgml().ggml_gallocr_alloc_graph(this.#pointer, graph.pointer);
    if (!placed)
      throw new EngineError('OUT_OF_MEMORY', {
        bytes: measureGraph(graph, this.#bufferType),
        what: 'intermediate results',
      });
  }

  [Symbol.dispose](): void {
    loadGgml().ggml_gallocr_free(this.#pointer);
  }
}

/** Bytes of the intermediate tensors of `graph` in a device's buffers, by default the CPU's; nothing is allocated. */
export function measureGraph(graph: Graph, bufferType: Pointer = loadGgml().ggml_backend_cpu_buffer_type()): number {
  // An allocator that has measured believes that it has reserved: it is of no further use.
  const allocator = loadGgml().ggml_gallocr_new(bufferType);
  const sizes = new BigUint64Array(1);
  loadGgml().ggml_gallocr_reserve_n_size(allocator, graph.pointer, null, null, sizes);
  loadGgml().ggml_gallocr_free(allocator);
  return Number(sizes[0]);
}
