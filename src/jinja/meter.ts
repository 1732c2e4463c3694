import { LimitError } from './errors.ts';

/** The limits of a rendering. All of them count the same on every machine. */
export interface Limits {
  /** Steps: expressions and statements evaluated, elements visited, and 32 characters of a text read or built each. */
  readonly steps: number;
  /** UTF-16 units of text that the template prints. */
  readonly output: number;
  /** Bytes of texts, lists and dicts made on the way, whether they are still in use or not. */
  readonly memory: number;
}

/** The deepest nesting of calls, expressions and values: about half of what Node's stack holds. */
const deepest = 500;

/** Counts the work of a rendering. No single operation does more than it was counted for. */
export class RenderMeter {
  readonly #limits: Limits;
  #steps = 0;
  #memory = 0;
  #output = 0;
  #depth = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get steps(): number {
    return this.#steps;
  }

  get memory(): number {
    return this.#memory;
  }

  /** Counts steps. Throws LimitError, as all methods do. */
  step(count = 1): void {
    this.#steps += count;
    if (this.#steps > this.#limits.steps) {
      throw new LimitError('steps', `it takes more than ${this.#limits.steps} steps; does it loop?`);
    }
  }

  /** Counts `bytes` of values that are about to be made. */
  hold(bytes: number): void {
    this.#memory += bytes;
    if (!(this.#memory <= this.#limits.memory)) {
      throw new LimitError('memory', `its values take more than ${this.#limits.memory} bytes`);
    }
  }

  /** Counts a text of so many UTF-16 units that is about to be read as a whole or built. */
  text(length: number): void {
    this.step(1 + (length >>> 5));
    this.hold(32 + 2 * length);
  }

  /** Counts a search for another text: at worst each place is compared with all of that. */
  search(length: number, sought: number): void {
    this.text(length);
    this.step(Math.floor((length * sought) / 1024));
  }

  /** Counts a list or dict of so many elements that is about to be made. */
  elements(count: number): void {
    this.step(1 + count);
    this.hold(64 + 16 * count);
  }

  /** Counts so many UTF-16 units that are about to be printed. */
  print(length: number): void {
    this.#output += length;
    if (this.#output > this.#limits.output) {
      throw new LimitError(
        'output',
        `its output is longer than ${this.#limits.output} characters, all that the context can hold`,
      );
    }
  }

  /** Goes one level deeper, until `leave`. An error ends the rendering, so nothing has to leave then. */
  enter(): void {
    this.#depth += 1;
    if (this.#depth > deepest) throw new LimitError('depth', `it nests calls or values more than ${deepest} deep`);
  }

  leave(): void {
    this.#depth -= 1;
  }
}
