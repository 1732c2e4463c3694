import { grammarError } from './grammar-error.ts';
import type { GrammarNode } from './node.ts';
import { compile, type GrammarProgram, type NamedTokens } from './program.ts';

/** A step that is waited for, and what follows once its rule or its loop has ended: a stack, shared with others. */
interface Frame {
  readonly id: number;
  readonly step: number;
  /** Rounds of a loop that are over; no more of them are counted than make a difference. */
  readonly rounds: number;
  /** The step behind the rule, or the loop; undefined at the end of the whole. */
  readonly parent: Frame | undefined;
  /** The number of its kind, once that is asked for: see `Automaton.kindOf`. */
  kind: number | undefined;
}

/** All that may come after some text. States never change. */
export interface State {
  /** True if the text may end here. */
  readonly accepts: boolean;
  /** Frames whose steps are bytes. */
  readonly frames: readonly Frame[];
  /** The class of each byte (256): bytes of one class lead to the same state. */
  readonly classes: Uint8Array;
  /** The state after a byte of a class, once it is known; null for none. */
  readonly after: (State | null | undefined)[];
}

/** The most ways in which a text may be read at once. */
const mostFrames = 2 ** 13;
/** Frames that may be made for one token: a third of a microsecond each. */
const mostWork = 2 ** 21;
/** Bytes of what is remembered, as measured: with its key, and its place in a map. */
const bytesOf = { frame: 190, kind: 110, state: 1100, frameOfState: 24 };
/** Bytes that may be remembered by default. */
const usualBytes = 2 * 2 ** 20;
const bytes = 256;

/**
 * Reads texts byte by byte, all their readings at once: a pushdown automaton that makes its states when they are reached,
 * and remembers them.
 */
export class Automaton {
  readonly start: State;
  readonly #program: GrammarProgram;
  readonly #frames: Map<string, Frame> = new Map();
  readonly #states: Map<string, State> = new Map();
  readonly #kinds: Map<string, number> = new Map();
  #framesInStates = 0;
  #allowed = usualBytes;
  #ids = 0;
  #work = 0;

  /** Throws BAD_GRAMMAR. */
  constructor(grammar: GrammarNode, tokens: NamedTokens) {
    this.#program = compile(grammar, tokens);
    this.start = this.#state([this.#frame(this.#program.start, undefined)]);
  }

  /** Bytes that it takes whatever it remembers. */
  get fixedBytes(): number {
    return this.#program.bytes + bytesOf.state + (bytesOf.frame + bytesOf.frameOfState) * this.start.frames.length;
  }

  /** Bytes of all that is remembered. */
  get rememberedBytes(): number {
    const { frame, kind, state, frameOfState } = bytesOf;
    const states = state * this.#states.size + frameOfState * this.#framesInStates;
    return frame * this.#frames.size + kind * this.#kinds.size + states;
  }

  /** Bounds what is remembered from now on. States and frames that are in use stay when all others are forgotten. */
  allow(bytes: number): void {
    this.#allowed = bytes;
    this.#forget();
  }

  /** Begins with another token: the work for each is bounded. */
  beginToken(): void {
    this.#work = 0;
  }

  /** The state after one more byte; undefined if no text goes on like that. Throws BAD_GRAMMAR: too many readings. */
  advance(state: State, byte: number): State | undefined {
    const kind = state.classes[byte] as number;
    let next = state.after[kind];
    if (next === undefined) {
      next = this.#next(state, byte);
      state.after[kind] = next;
    }
    return next ?? undefined;
  }

  /**
   * A name of states behind which the same texts of up to `longest` bytes may come, always the same `longest`: rounds of
   * loops count only where such a text reaches their bounds.
   */
  kindOf({ accepts, frames }: State, longest: number): string {
    return `${accepts} ${frames.map((frame) => this.#kindOf(frame, longest)).sort()}`;
  }

  #kindOf(frame: Frame, longest: number): number {
    if (frame.kind === undefined) {
      const { step, rounds, parent } = frame;
      const loop = this.#program.kindOf(step) === 'loop' ? this.#program.loopOf(step) : undefined;
      const bounds =
        !loop || loop.empty
          ? rounds
          : `${Math.min(longest, Math.max(0, loop.min - rounds))} ${Math.min(longest, loop.max - rounds)}`;
      const key = `${step} ${bounds} ${parent && this.#kindOf(parent, longest)}`;
      frame.kind = this.#kinds.get(key);
      if (frame.kind === undefined) {
        this.#ids += 1;
        frame.kind = this.#ids;
        this.#kinds.set(key, frame.kind);
      }
    }
    return frame.kind;
  }

  #next({ frames }: State, byte: number): State | null {
    this.#forget();
    const program = this.#program;
    const takes = ({ step }: Frame): boolean =>
      program.rangesOf(step).some(([first, last]) => first <= byte && byte <= last);
    const reached = frames.filter(takes);
    if (reached.length === 0) return null;
    return this.#state(reached.map(({ step, parent }) => this.#frame(program.nextOf(step), parent)));
  }

  /** The state of all steps that can be reached from `frames` without a byte. */
  #state(frames: readonly Frame[]): State {
    const program = this.#program;
    const seen = new Set(frames);
    const waiting: Frame[] = [];
    let accepts = false;
    const reach = (step: number, parent: Frame | undefined, rounds = 0): void =>
      void seen.add(this.#frame(step, parent, rounds));
    // The set grows while it is read.
    for (const frame of seen) {
      const { step, parent, rounds } = frame;
      if (seen.size > mostFrames) throw grammarError('root', 'it can be read in too many ways at once');
      const kind = program.kindOf(step);
      switch (kind) {
        case 'byte':
          waiting.push(frame);
          break;
        case 'split':
          program.eachOf(step, (next) => reach(next, parent));
          break;
        case 'call': {
          // A call at the end of a rule needs no frame: lists that are rules stay as flat as loops.
          const next = program.nextOf(step);
          reach(program.calledBy(step), program.kindOf(next) === 'return' ? parent : this.#frame(next, parent));
          break;
        }
        case 'loop': {
          const { min, max, body } = program.loopOf(step);
          if (rounds >= min) reach(program.nextOf(step), parent);
          if (rounds < max) reach(body, frame);
          break;
        }
        case 'return':
          if (!parent) accepts = true;
          else if (program.kindOf(parent.step) === 'loop') reach(parent.step, parent.parent, this.#roundsAfter(parent));
          else reach(parent.step, parent.parent);
          break;
        default:
          kind satisfies never;
      }
    }
    this.#work += seen.size;
    if (this.#work > mostWork) throw grammarError('root', 'its next token takes too long to find');
    return this.#remember(waiting, accepts);
  }

  #remember(frames: readonly Frame[], accepts: boolean): State {
    const ids = frames.map(({ id }) => id).sort((a, b) => a - b);
    const key = `${accepts} ${ids}`;
    let state = this.#states.get(key);
    if (!state) {
      const classes = this.#classesOf(frames);
      state = { accepts, frames, classes, after: new Array((classes[bytes - 1] as number) + 1) };
      this.#states.set(key, state);
      this.#framesInStates += frames.length;
    }
    return state;
  }

  /** The frame of these parts, the same one each time. */
  #frame(step: number, parent: Frame | undefined, rounds = 0): Frame {
    const key = `${step} ${parent?.id} ${rounds}`;
    let frame = this.#frames.get(key);
    if (!frame) {
      this.#ids += 1;
      frame = { id: this.#ids, step, rounds, parent, kind: undefined };
      this.#frames.set(key, frame);
    }
    return frame;
  }

  // A frame that is made anew is not known as the same any more: it counts twice, until the older one is left.
  #forget(): void {
    if (this.rememberedBytes <= this.#allowed) return;
    this.#frames.clear();
    this.#kinds.clear();
    // A state that is in use would keep all that can be reached from it.
    for (const { after } of this.#states.values()) after.fill(undefined);
    this.#states.clear();
    this.#framesInStates = 0;
  }

  /** Rounds of a loop when one more is over. Without an end they are counted up to the fewest. */
  #roundsAfter({ step, rounds }: Frame): number {
    const { min, max } = this.#program.loopOf(step);
    return max === Number.POSITIVE_INFINITY ? Math.min(rounds + 1, min) : rounds + 1;
  }

  /** The class of each byte: those that all frames take alike have one. */
  #classesOf(frames: readonly Frame[]): Uint8Array {
    const begins = new Uint8Array(bytes + 1);
    for (const { step } of frames) {
      for (const [first, last] of this.#program.rangesOf(step)) begins[first] = begins[last + 1] = 1;
    }
    const classes = new Uint8Array(bytes);
    for (let byte = 1; byte < bytes; byte += 1) {
      classes[byte] = (classes[byte - 1] as number) + (begins[byte] as number);
    }
    return classes;
  }
}
