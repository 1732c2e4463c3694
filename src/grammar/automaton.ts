import { grammarError } from './grammar-error.ts';
import type { GrammarNode } from './node.ts';
import { compile, type GrammarStep, type NamedTokens } from './program.ts';

/** A step that is waited for, and what follows once its rule or its loop has ended: a stack, shared with others. */
interface Frame {
  readonly id: number;
  readonly step: GrammarStep;
  /** Rounds of a loop that are over; no more of them are counted than make a difference. */
  readonly rounds: number;
  /** The step behind the rule, or the loop; undefined at the end of the whole. */
  readonly parent: Frame | undefined;
  /** The number of its kind, once that is asked for: see `Automaton.kindOf`. */
  kind: number | undefined;
}

type ByteFrame = Frame & { readonly step: Extract<GrammarStep, { kind: 'byte' }> };

/** All that may come after some text. States never change. */
export interface State {
  /** True if the text may end here. */
  readonly accepts: boolean;
  readonly frames: readonly ByteFrame[];
  /** The class of each byte (256): bytes of one class lead to the same state. */
  readonly classes: Uint8Array;
  /** The state after a byte of a class, once it is known; null for none. */
  readonly after: (State | null | undefined)[];
}

/** The most ways in which a text may be read at once. */
const mostFrames = 2 ** 14;
/** Frames that may be made for one token: a third of a microsecond each. */
const mostWork = 2 ** 21;
/**
 * Frames and states that are remembered, and frames in these states. Those that are in use stay when all others are
 * forgotten. A large schema takes 15 MiB with that; four times as many took 36 and were no faster.
 */
const mostRemembered = { frames: 2 ** 12, states: 2 ** 10, framesInStates: 2 ** 15 };
const bytes = 256;

/**
 * Reads texts byte by byte, all their readings at once: a pushdown automaton that makes its states when they are reached,
 * and remembers them.
 */
export class Automaton {
  readonly start: State;
  readonly #frames: Map<string, Frame> = new Map();
  readonly #states: Map<string, State> = new Map();
  readonly #kinds: Map<string, number> = new Map();
  #framesInStates = 0;
  #ids = 0;
  #work = 0;

  /** Throws BAD_GRAMMAR. */
  constructor(grammar: GrammarNode, tokens: NamedTokens) {
    this.start = this.#state([this.#frame(compile(grammar, tokens), undefined)]);
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
      const bounds =
        step.kind !== 'loop' || step.empty
          ? rounds
          : `${Math.min(longest, Math.max(0, step.min - rounds))} ${Math.min(longest, step.max - rounds)}`;
      const key = `${step.id} ${bounds} ${parent && this.#kindOf(parent, longest)}`;
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
    const reached = frames.filter(({ step }) => step.ranges.some(([first, last]) => first <= byte && byte <= last));
    return reached.length === 0 ? null : this.#state(reached.map(({ step, parent }) => this.#frame(step.next, parent)));
  }

  /** The state of all steps that can be reached from `frames` without a byte. */
  #state(frames: readonly Frame[]): State {
    const seen = new Set(frames);
    const waiting: ByteFrame[] = [];
    let accepts = false;
    const reach = (step: GrammarStep, parent: Frame | undefined, rounds = 0): void =>
      void seen.add(this.#frame(step, parent, rounds));
    // The set grows while it is read.
    for (const frame of seen) {
      const { step, parent, rounds } = frame;
      if (seen.size > mostFrames) throw grammarError('root', 'it can be read in too many ways at once');
      switch (step.kind) {
        case 'byte':
          waiting.push(frame as ByteFrame);
          break;
        case 'split':
          for (const next of step.next) reach(next, parent);
          break;
        case 'call':
          // A call at the end of a rule needs no frame: lists that are rules stay as flat as loops.
          reach(step.rule.start as GrammarStep, step.next.kind === 'return' ? parent : this.#frame(step.next, parent));
          break;
        case 'loop':
          if (rounds >= step.min) reach(step.next, parent);
          if (rounds < step.max) reach(step.body, frame);
          break;
        case 'return':
          if (!parent) accepts = true;
          else if (parent.step.kind === 'loop') reach(parent.step, parent.parent, roundsAfter(parent));
          else reach(parent.step, parent.parent);
          break;
        default:
          step satisfies never;
      }
    }
    this.#work += seen.size;
    if (this.#work > mostWork) throw grammarError('root', 'its next token takes too long to find');
    return this.#remember(waiting, accepts);
  }

  #remember(frames: readonly ByteFrame[], accepts: boolean): State {
    const ids = frames.map(({ id }) => id).sort((a, b) => a - b);
    const key = `${accepts} ${ids}`;
    let state = this.#states.get(key);
    if (!state) {
      const classes = classesOf(frames);
      state = { accepts, frames, classes, after: new Array((classes[bytes - 1] as number) + 1) };
      this.#states.set(key, state);
      this.#framesInStates += frames.length;
    }
    return state;
  }

  /** The frame of these parts, the same one each time. */
  #frame(step: GrammarStep, parent: Frame | undefined, rounds = 0): Frame {
    const key = `${step.id} ${parent?.id} ${rounds}`;
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
    if (this.#frames.size > mostRemembered.frames) this.#frames.clear();
    if (this.#kinds.size > mostRemembered.frames) this.#kinds.clear();
    if (this.#states.size <= mostRemembered.states && this.#framesInStates <= mostRemembered.framesInStates) return;
    // A state that is in use would keep all that can be reached from it.
    for (const { after } of this.#states.values()) after.fill(undefined);
    this.#states.clear();
    this.#framesInStates = 0;
  }
}

/** Rounds of a loop when one more is over. Without an end they are counted up to the fewest. */
const roundsAfter = ({ step, rounds }: Frame): number =>
  step.kind === 'loop' && step.max === Number.POSITIVE_INFINITY ? Math.min(rounds + 1, step.min) : rounds + 1;

/** The class of each byte: those that all frames take alike have one. */
function classesOf(frames: readonly ByteFrame[]): Uint8Array {
  const begins = new Uint8Array(bytes + 1);
  for (const { step } of frames) {
    for (const [first, last] of step.ranges) begins[first] = begins[last + 1] = 1;
  }
  const classes = new Uint8Array(bytes);
  for (let byte = 1; byte < bytes; byte += 1) classes[byte] = (classes[byte - 1] as number) + (begins[byte] as number);
  return classes;
}
