import { EngineError } from '../base/errors.ts';
import { loadGgml } from './api.ts';
import type { Graph } from './graph.ts';
import type { Pointer } from './library.ts';

/** The memory of a graph's intermediate tensors: one buffer, reused over time. */
export class GraphAllocator implements Disposable {
  readonly #pointer: Pointer = newAllocator();

  /** Places every intermediate tensor of `graph`. The results of an earlier graph are lost. Throws OUT_OF_MEMORY. */
  allocate(graph: Graph): void {
    const placed = loadGgml().ggml_gallocr_alloc_graph(this.#pointer, graph.pointer);
    if (!placed) throw new EngineError('OUT_OF_MEMORY', { bytes: measureGraph(graph), what: 'intermediate results' });
  }

  [Symbol.dispose](): void {
    loadGgml().ggml_gallocr_free(this.#pointer);
  }
}

/** Bytes of the intermediate tensors of `graph`; nothing is allocated. */
export function measureGraph(graph: Graph): number {
  // An allocator that has measured believes that it has reserved: it is of no further use.
  const allocator = newAllocator();
  const sizes = new BigUint64Array(1);
  loadGgml().ggml_gallocr_reserve_n_size(allocator, graph.pointer, null, null, sizes);
  loadGgml().ggml_gallocr_free(allocator);
  return Number(sizes[0]);
}

const newAllocator = (): Pointer => loadGgml().ggml_gallocr_new(loadGgml().ggml_backend_cpu_buffer_type());
