import type { Tensor } from '../ggml/graph.ts';
import type { Pointer } from '../ggml/library.ts';
import type { Block, Need } from '../pager/block.ts';
import type { Ring } from '../pager/ring.ts';
import type { Span } from './span.ts';

/** Nodes of a graph that are computed at once, when all that they read is in memory. */
export interface Step {
  readonly graph: Pointer;
  /** True if all threads compute it: the last bits depend on their number, or it is a layer of keys and values on the SSD. */
  readonly allThreads: boolean;
  readonly needs: readonly Need[];
  /** Blocks among the needs that the step changes. */
  readonly writes: readonly { readonly home: Ring; readonly blocks: readonly number[] }[];
}

/** A compiled pass. */
export interface Program {
  /** The layout of the weights. Passes over the plain one are tried with fewer threads. */
  readonly weights: 'plain' | 'loading' | 'converting';
  /** Blocks that are read ahead. */
  readonly reads: ReadonlyMap<Ring, readonly Block[]>;
  /** Logits (vocabulary, outputs), once all steps have been computed. */
  readonly logits: Tensor;
  /** Steps in order; `isolated` if fewer threads than all compute those that do not need all. */
  steps(isolated: boolean): readonly Step[];
  /** Gives the graph the tokens of a pass. */
  begin(spans: readonly Span[]): void;
}

/** Makes programs. */
export interface GraphSource extends Disposable {
  /** The program for these spans; the one before is lost. Throws UNSUPPORTED_MODEL, OUT_OF_MEMORY. */
  compile(spans: readonly Span[]): Program;
}
