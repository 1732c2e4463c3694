import { GraphAllocator } from '../ggml/allocator.ts';
import type { Weight } from '../gguf/weight.ts';
import type { Reader } from '../pager/reader.ts';
import { Rows } from '../pager/rows.ts';
import { OwnProgram, type OwnProgramParts } from './own-program.ts';
import type { GraphSource, Program } from './program.ts';
import { type Span, sameShapes, shapeOf } from './span.ts';

/**
 * Whether so many tokens at once save more time by converting streamed weights than it takes. Measured: from 32 to 64
 * on.
 */
export const worthConverting = (tokens: number): boolean => tokens >= 64;

export interface OwnGraphsParts extends OwnProgramParts {
  readonly reader: Reader;
}

/** The graphs of the families that have stages of their own. */
export class OwnGraphs implements GraphSource {
  readonly #parts: OwnGraphsParts;
  readonly #allocator: GraphAllocator = new GraphAllocator();
  #program: OwnProgram | undefined;
  #rows: Rows | undefined;

  constructor(parts: OwnGraphsParts) {
    this.#parts = parts;
  }

  compile(spans: readonly Span[]): Program {
    const shapes = spans.map(shapeOf);
    const weights = this.#weightsFor(shapes.reduce((n, shape) => n + shape.tokens, 0));
    const last = this.#program;
    if (last?.weights === weights && sameShapes(last.shapes, shapes)) return last;
    this.#forget();
    const rowsOf = (weight: Weight): Rows => (this.#rows ??= new Rows(this.#parts.reader, weight));
    const program = new OwnProgram(this.#parts, { shapes, weights, rowsOf });
    try {
      this.#allocator.allocate(program.graph);
    } catch (error) {
      program[Symbol.dispose]();
      throw error;
    }
    this.#program = program;
    return program;
  }

  #weightsFor(tokens: number): Program['weights'] {
    const { pager, layouts } = this.#parts;
    if (!pager.residents.loaded) return 'loading';
    return layouts.converting && worthConverting(tokens) ? 'converting' : 'plain';
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
