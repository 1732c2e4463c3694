import { GraphAllocator } from '../ggml/allocator.ts';
import type { Device } from '../ggml/device.ts';
import type { GraphOutput } from '../ggml/graph-output.ts';
import type { Weight } from '../gguf/weight.ts';
import type { Reader } from '../pager/reader.ts';
import { Rows } from '../pager/rows.ts';
import type { RingMode } from '../plan/ring-modes.ts';
import { type KvShape, kvFileBytes } from '../state/kv-shape.ts';
import { KvStore } from '../state/kv-store.ts';
import { refuseNodes, unsupportedNodes } from './check-nodes.ts';
import { OwnProgram, type OwnProgramParts } from './own-program.ts';
import { type GraphSource, type Program, worthConverting } from './program.ts';
import { type Span, sameShapes, shapeOf } from './span.ts';

export interface OwnGraphsParts extends OwnProgramParts {
  readonly device: Device;
  readonly reader: Reader;
  /** The form of a text's keys and values, and the file of those that live on the SSD. */
  readonly kv: { readonly shape: KvShape; readonly file: number };
}

/** The graphs of the families that have stages of their own. */
export class OwnGraphs implements GraphSource {
  readonly evenSpans = false;
  readonly #parts: OwnGraphsParts;
  readonly #allocator: GraphAllocator;
  #program: OwnProgram | undefined;
  #rows: Rows | undefined;
  #states = 0;

  constructor(parts: OwnGraphsParts) {
    this.#parts = parts;
    this.#allocator = new GraphAllocator(parts.device.bufferType);
  }

  newState(): KvStore {
    const { device, reader, kv } = this.#parts;
    const position = this.#states * kvFileBytes(kv.shape);
    this.#states += 1;
    return KvStore.allocate(kv.shape, device, { reader, file: kv.file, position });
  }

  compile(spans: readonly Span[], output: GraphOutput): Program {
    const shapes = spans.map(shapeOf);
    const ringMode = this.#ringModeFor(shapes.reduce((n, shape) => n + shape.tokens, 0));
    const last = this.#program;
    if (last?.ringMode === ringMode && last.output === output && sameShapes(last.shapes, shapes)) return last;
    this.#forget();
    const rowsOf = (weight: Weight): Rows => (this.#rows ??= new Rows(this.#parts.reader, weight));
    const program = new OwnProgram(this.#parts, { shapes, ringMode, output, rowsOf });
    try {
      refuseNodes(this.#parts.device, unsupportedNodes(this.#parts.device, program.graph.list()));
      this.#allocator.allocate(program.graph);
    } catch (error) {
      program[Symbol.dispose]();
      throw error;
    }
    this.#program = program;
    return program;
  }

  #ringModeFor(tokens: number): RingMode {
    const { pager, weights } = this.#parts;
    if (!pager.residents.loaded) return 'loading';
    return weights.converting && worthConverting(tokens) ? 'converting' : 'plain';
  }

  #forget(): void {
    this.#program?.[Symbol.dispose]();
    this.#program = undefined;
  }

  [Symbol.dispose](): void {
    this.#forget();
    this.#allocator[Symbol.dispose]();
    this.#rows?.[Symbol.dispose]();
  }
}
