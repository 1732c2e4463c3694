import type { Tensor } from '../ggml/graph.ts';
import type { GraphOutput } from '../ggml/graph-output.ts';
import type { Pointer } from '../ggml/library.ts';
import type { Block, Need } from '../pager/block.ts';
import type { Ring } from '../pager/ring.ts';
import type { RingMode } from '../plan/ring-modes.ts';
import type { SequenceState } from '../state/sequence-state.ts';
import type { Span } from './span.ts';

/** Nodes of a graph that are computed at once, when all that they read is in memory. */
export interface Step {
  readonly graph: Pointer;
  /** True if all threads compute it: the last bits depend on their number, or it is a layer of keys and values on the SSD. */
  readonly allThreads: boolean;
  readonly needs: readonly Need[];
  /** Blocks among the needs that the step changes. */
  readonly writes: readonly { readonly home: Ring; readonly blocks: readonly number[] }[];
  /** The share of the pass that is done after it; 1 after the last one. */
  readonly share: number;
}

/** A compiled pass. */
export interface Program {
  /** The way in which it uses the ring of weights. Plain passes are tried with fewer threads. */
  readonly ringMode: RingMode;
  /** Blocks that are read ahead. */
  readonly reads: ReadonlyMap<Ring, readonly Block[]>;
  /** Logits (vocabulary, outputs), or embeddings (width, outputs), once all steps have been computed. */
  readonly result: Tensor;
  /** Gives the graph the tokens of a pass. */
  begin(spans: readonly Span[]): void;
  /**
   * Steps in order; `isolated` if fewer threads than all compute those that do not need all. Each is asked for when the one
   * before has been computed, and may depend on its results.
   */
  steps(isolated: boolean): Iterable<Step>;
  /** Records the end of a pass: the states hold its tokens. */
  end(spans: readonly Span[]): void;
  /** Gives a pass up that has failed on the way. The states are taken back to where it began before they are used again. */
  fail(spans: readonly Span[]): void;
}

/**
 * Whether so many tokens at once save more time by converting streamed weights than it takes. Measured: from 32 to 64
 * on.
 */
export const worthConverting = (tokens: number): boolean => tokens >= 64;

/** The graphs of a model: makes programs, and the states that these compute on. */
export interface GraphSource extends Disposable {
  /** Whether spans of different lengths are computed one after another, so that each length reads the weights again. */
  readonly evenSpans: boolean;
  /** The state of one more text, an empty one. Throws OUT_OF_MEMORY. */
  newState(): SequenceState;
  /** The program for these spans; the one before is lost. Throws UNSUPPORTED_MODEL, GRAPH_FAILED, OUT_OF_MEMORY. */
  compile(spans: readonly Span[], output: GraphOutput): Program;
}
