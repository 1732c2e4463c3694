import type { Tensor } from '../ggml/graph.ts';
import type { Pointer } from '../ggml/library.ts';
import type { Block, Need } from '../pager/block.ts';
import type { Ring } from '../pager/ring.ts';
import type { Span } from './span.ts';

/** Some nodes of a graph, computed at once when all that they read is in memory. */
export interface Step {
  readonly graph: Pointer;
  /** The last bits of its result depend on how many threads compute it: these are all there are. */
  readonly threadBound: boolean;
  readonly needs: readonly Need[];
  /** Blocks of its needs that it changes. */
  readonly writes: readonly { readonly home: Ring; readonly blocks: readonly number[] }[];
}

/** A pass, compiled. */
export interface Program {
  /** The layout of the weights. Passes over the plain one are tried with fewer threads. */
  readonly weights: 'plain' | 'loading' | 'converting';
  /** Blocks that are read ahead. */
  readonly reads: ReadonlyMap<Ring, readonly Block[]>;
  /** (vocabulary, outputs), once all steps have been computed. */
  readonly logits: Tensor;
  /** In order; `isolated` if not all threads compute those that are not thread-bound. */
  steps(isolated: boolean): readonly Step[];
  /** Tells the graph which tokens it is about. */
  begin(spans: readonly Span[]): void;
}

/** Makes programs. */
export interface GraphSource extends Disposable {
  /** The program for these spans; of the one before nothing is left. Throws UNSUPPORTED_MODEL, OUT_OF_MEMORY. */
  compile(spans: readonly Span[]): Program;
}
