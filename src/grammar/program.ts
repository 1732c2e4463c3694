import { at } from '../base/at.ts';
import { grammarError } from './grammar-error.ts';
import type { GrammarNode, Rule } from './node.ts';
import { checkLeftRecursion, factsOf, type GrammarFacts } from './rule-checks.ts';
import { controlByte, type Utf8Range, utf8Sequences } from './utf8.ts';

/** Several rounds of the same steps. */
interface Loop {
  /** The first step of a round, which ends in a return. */
  readonly body: number;
  readonly min: number;
  readonly max: number;
  /** True if a round may be empty. */
  readonly empty: boolean;
}

const stepKinds = ['return', 'byte', 'call', 'split', 'loop'] as const;
type StepKind = (typeof stepKinds)[number];

/** Bytes of a loop, and of one of several ranges, as objects. */
const bytesOfPart = 100;

/**
 * A grammar that has been compiled: steps by their numbers, each a place where something is written next. Loops and rules
 * share their steps. It takes some 10 bytes for each: as objects they took 180.
 */
export class GrammarProgram {
  readonly start: number;
  /** Bytes that it takes. */
  readonly bytes: number;
  readonly #kinds: Uint8Array;
  /** The next step; that of a split is the place where its list ends. */
  readonly #next: Uint32Array;
  /** Ranges of a byte, the first step of the rule that is called, rounds of a loop, the begin of a split's list. */
  readonly #parts: Uint32Array;
  /** Steps that splits lead to. */
  readonly #lists: Uint32Array;
  readonly #ranges: readonly (readonly Utf8Range[])[];
  readonly #loops: readonly Loop[];

  constructor(start: number, { kinds, next, parts, lists, ranges, loops }: ProgramParts) {
    this.start = start;
    this.#kinds = Uint8Array.from(kinds);
    this.#next = Uint32Array.from(next);
    this.#parts = Uint32Array.from(parts);
    this.#lists = Uint32Array.from(lists);
    this.#ranges = ranges;
    this.#loops = loops;
    this.bytes = 9 * kinds.length + 4 * lists.length + bytesOfPart * (ranges.length + loops.length);
  }

  /**
   * The kind of a step: one byte of a text; the call of a rule; one of several steps; a loop; or a return, the end of a rule,
   * of a loop's body, or of the whole.
   */
  kindOf(step: number): StepKind {
    return stepKinds[this.#kinds[step] as number] as StepKind;
  }

  /** The step behind a byte, a call or a loop. */
  nextOf(step: number): number {
    return this.#next[step] as number;
  }

  /** The bytes that a step of one byte takes. */
  rangesOf(step: number): readonly Utf8Range[] {
    return this.#ranges[this.#parts[step] as number] as readonly Utf8Range[];
  }

  /** The first step of the rule that is called. */
  calledBy(step: number): number {
    return this.#parts[step] as number;
  }

  loopOf(step: number): Loop {
    return this.#loops[this.#parts[step] as number] as Loop;
  }

  /** Does something with each step that a split leads to. */
  eachOf(step: number, each: (step: number) => void): void {
    const end = this.#next[step] as number;
    for (let i = this.#parts[step] as number; i < end; i += 1) each(this.#lists[i] as number);
  }
}

/** The parts of a program while it is compiled. */
interface ProgramParts {
  readonly kinds: number[];
  readonly next: number[];
  readonly parts: number[];
  readonly lists: number[];
  readonly ranges: (readonly Utf8Range[])[];
  readonly loops: Loop[];
}

/** The tokens that a grammar may name. */
export interface NamedTokens {
  /** The bytes of a token by its number or its name; undefined if there is none. */
  named(token: number | string): Uint8Array | undefined;
  /** The name of a control token that the text has at `index`; undefined if there is none. */
  controlAt(text: string, index: number): string | undefined;
}

/** The most steps of a program, and the most in lists of splits: some 850 KiB together. */
const mostSteps = 2 ** 16;
const tooLarge = `it has more than ${mostSteps} steps, one for each character of its names and values: use fewer, or shorter ones`;
const encoder = new TextEncoder();

/** Compiles a grammar. Throws BAD_GRAMMAR. */
export function compile(grammar: GrammarNode, tokens: NamedTokens): GrammarProgram {
  const facts = factsOf(grammar);
  checkLeftRecursion(facts);
  if (!facts.isProductive(grammar)) throw grammarError('root', 'no text can ever be whole');
  return new Compiler(tokens, facts).compile(grammar);
}

class Compiler {
  readonly #tokens: NamedTokens;
  readonly #facts: GrammarFacts;
  /** Numbers of rules, in the order of their first call. */
  readonly #rules: Map<Rule, number> = new Map();
  readonly #program: ProgramParts = { kinds: [], next: [], parts: [], lists: [], ranges: [], loops: [] };
  /** Places of ranges by their text. */
  readonly #rangePlaces: Map<string, number> = new Map();
  readonly #return: number;

  constructor(tokens: NamedTokens, facts: GrammarFacts) {
    this.#tokens = tokens;
    this.#facts = facts;
    this.#return = this.#add('return', 0, 0);
  }

  compile(grammar: GrammarNode): GrammarProgram {
    const start = this.#step(grammar, this.#return);
    const starts: number[] = [];
    // The map grows while it is read.
    for (const [{ body }] of this.#rules) starts.push(this.#step(body as GrammarNode, this.#return));
    const { kinds, parts } = this.#program;
    kinds.forEach((kind, step) => {
      if (stepKinds[kind] === 'call') parts[step] = at(starts, at(parts, step));
    });
    return new GrammarProgram(start, this.#program);
  }

  /** The steps of an expression that has texts, followed by `next`. */
  #step(expression: GrammarNode, next: number): number {
    switch (expression.kind) {
      case 'text':
        return this.#text(expression.text, next);
      case 'token': {
        const bytes = this.#tokens.named(expression.token);
        if (!bytes) throw grammarError(expression.place, `the model has no token ${expression.token}`);
        return this.#bytes(bytes, next);
      }
      case 'control':
        return this.#byte([[controlByte, controlByte]], next);
      case 'characters':
        return this.#character(expression.ranges.flatMap(utf8Sequences), next);
      case 'sequence':
        return expression.items.reduceRight((after, item) => this.#step(item, after), next);
      case 'choice': {
        const items = expression.items.filter(this.#facts.isProductive);
        const [only] = items;
        if (only && items.length === 1) return this.#step(only, next);
        return this.#split(items.map((item) => this.#step(item, next)));
      }
      case 'repeat':
        return this.#repeat(expression, next);
      case 'rule':
        return this.#add('call', next, this.#ruleOf(expression));
      default:
        return expression satisfies never;
    }
  }

  #repeat({ item, min, max }: Extract<GrammarNode, { kind: 'repeat' }>, next: number): number {
    if (max === 0 || !this.#facts.isProductive(item)) return next;
    if (min === 1 && max === 1) return this.#step(item, next);
    if (min === 0 && max === 1) {
      return this.#split([this.#step(item, next), next]);
    }
    const loop: Loop = { body: this.#step(item, this.#return), min, max, empty: this.#facts.isEmpty(item) };
    // A return to the loop ends a round of it, so it is entered from another step.
    return this.#split([this.#add('loop', next, this.#program.loops.push(loop) - 1)]);
  }

  #text(text: string, next: number): number {
    let [after, end] = [next, text.length];
    for (let i = text.length - 1; i >= 0; i -= 1) {
      const name = this.#tokens.controlAt(text, i);
      if (name === undefined || i + name.length > end) continue;
      const rest = this.#bytes(encoder.encode(text.slice(i, end)), after);
      after = this.#split([this.#byte([[controlByte, controlByte]], rest), rest]);
      end = i;
    }
    return this.#bytes(encoder.encode(text.slice(0, end)), after);
  }

  #bytes(bytes: Uint8Array, next: number): number {
    return bytes.reduceRight<number>((after, byte) => this.#byte([[byte, byte]], after), next);
  }

  /** One of several sequences of bytes. Those of one byte are one step; the others share what follows the first. */
  #character(sequences: readonly (readonly Utf8Range[])[], next: number): number {
    const single = sequences.flatMap((sequence) => (sequence.length === 1 ? sequence : []));
    const rest = new Map<string, { firsts: Utf8Range[]; after: readonly Utf8Range[] }>();
    for (const [first, ...after] of sequences) {
      if (!first || after.length === 0) continue;
      const same = rest.get(`${after}`);
      if (same) same.firsts.push(first);
      else rest.set(`${after}`, { firsts: [first], after });
    }
    const steps = [
      ...(single.length > 0 ? [this.#byte(single, next)] : []),
      ...[...rest.values()].map(({ firsts, after }) => this.#byte(firsts, this.#ranges(after, next))),
    ];
    const [only] = steps;
    return only !== undefined && steps.length === 1 ? only : this.#split(steps);
  }

  #ranges(ranges: readonly Utf8Range[], next: number): number {
    return ranges.reduceRight<number>((after, range) => this.#byte([range], after), next);
  }

  #byte(ranges: readonly Utf8Range[], next: number): number {
    const key = ranges.join(' ');
    const known = this.#rangePlaces.get(key) ?? this.#program.ranges.push(ranges) - 1;
    this.#rangePlaces.set(key, known);
    return this.#add('byte', next, known);
  }

  #split(steps: readonly number[]): number {
    const { lists } = this.#program;
    const begin = lists.length;
    for (const step of steps) lists.push(step);
    return this.#add('split', lists.length, begin);
  }

  #ruleOf(rule: Rule): number {
    const number = this.#rules.get(rule) ?? this.#rules.size;
    this.#rules.set(rule, number);
    return number;
  }

  #add(kind: StepKind, next: number, part: number): number {
    const { kinds, next: nexts, parts, lists } = this.#program;
    if (Math.max(kinds.length, lists.length) >= mostSteps) throw grammarError('root', tooLarge);
    kinds.push(stepKinds.indexOf(kind));
    nexts.push(next);
    return parts.push(part) - 1;
  }
}
