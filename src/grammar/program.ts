import { grammarError } from './grammar-error.ts';
import type { GrammarNode, Rule } from './node.ts';
import { checkLeftRecursion, factsOf, type GrammarFacts } from './rule-checks.ts';
import { controlByte, type Utf8Range, utf8Sequences } from './utf8.ts';

/** A place in a grammar that has been compiled: what is written next. Loops and rules share their steps. */
export type GrammarStep =
  /** One byte of a text. */
  | { readonly kind: 'byte'; readonly id: number; readonly ranges: readonly Utf8Range[]; next: GrammarStep }
  /** The texts of a rule, then those of `next`. */
  | { readonly kind: 'call'; readonly id: number; readonly rule: RuleSteps; readonly next: GrammarStep }
  | { readonly kind: 'split'; readonly id: number; readonly next: readonly GrammarStep[] }
  /** `body`, from `min` to `max` times, which ends in a return; then `next`. */
  | {
      readonly kind: 'loop';
      readonly id: number;
      readonly body: GrammarStep;
      readonly min: number;
      readonly max: number;
      /** True if a round may be empty. */
      readonly empty: boolean;
      readonly next: GrammarStep;
    }
  /** The end of a rule, of a loop's body, or of the whole. */
  | { readonly kind: 'return'; readonly id: number };

/** The steps of a rule; they are there once the program is whole. */
interface RuleSteps {
  start: GrammarStep | undefined;
}

/** The tokens that a grammar may name. */
export interface NamedTokens {
  /** The bytes of a token by its number or its name; undefined if there is none. */
  named(token: number | string): Uint8Array | undefined;
  /** The name of a control token that the text has at `index`; undefined if there is none. */
  controlAt(text: string, index: number): string | undefined;
}

/** The most steps of a program: some 100 bytes each. */
const mostSteps = 2 ** 16;
const encoder = new TextEncoder();

/** Compiles a grammar to the first of its steps. Throws BAD_GRAMMAR. */
export function compile(grammar: GrammarNode, tokens: NamedTokens): GrammarStep {
  const facts = factsOf(grammar);
  checkLeftRecursion(facts);
  if (!facts.isProductive(grammar)) throw grammarError('root', 'no text can ever be whole');
  return new Compiler(tokens, facts).compile(grammar);
}

class Compiler {
  readonly #tokens: NamedTokens;
  readonly #facts: GrammarFacts;
  readonly #rules: Map<Rule, RuleSteps> = new Map();
  /** Rules that have been called and are not compiled yet. */
  readonly #waiting: Rule[] = [];
  #steps = 1;
  readonly #return: GrammarStep = { kind: 'return', id: 0 };

  constructor(tokens: NamedTokens, facts: GrammarFacts) {
    this.#tokens = tokens;
    this.#facts = facts;
  }

  compile(grammar: GrammarNode): GrammarStep {
    const start = this.#step(grammar, this.#return);
    for (let rule = this.#waiting.pop(); rule; rule = this.#waiting.pop()) {
      this.#stepsOf(rule).start = this.#step(rule.body as GrammarNode, this.#return);
    }
    return start;
  }

  /** The steps of an expression that has texts, followed by `next`. */
  #step(expression: GrammarNode, next: GrammarStep): GrammarStep {
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
        return { kind: 'split', id: this.#newId(), next: items.map((item) => this.#step(item, next)) };
      }
      case 'repeat':
        return this.#repeat(expression, next);
      case 'rule':
        return { kind: 'call', id: this.#newId(), rule: this.#stepsOf(expression), next };
      default:
        return expression satisfies never;
    }
  }

  #repeat({ item, min, max }: Extract<GrammarNode, { kind: 'repeat' }>, next: GrammarStep): GrammarStep {
    if (max === 0 || !this.#facts.isProductive(item)) return next;
    if (min === 1 && max === 1) return this.#step(item, next);
    if (min === 0 && max === 1) {
      return { kind: 'split', id: this.#newId(), next: [this.#step(item, next), next] };
    }
    const empty = this.#facts.isEmpty(item);
    const loop: GrammarStep = {
      kind: 'loop',
      id: this.#newId(),
      body: this.#step(item, this.#return),
      min,
      max,
      empty,
      next,
    };
    // A return to the loop ends a round of it, so it is entered from another step.
    return { kind: 'split', id: this.#newId(), next: [loop] };
  }

  #text(text: string, next: GrammarStep): GrammarStep {
    let [after, end] = [next, text.length];
    for (let i = text.length - 1; i >= 0; i -= 1) {
      const name = this.#tokens.controlAt(text, i);
      if (name === undefined || i + name.length > end) continue;
      const rest = this.#bytes(encoder.encode(text.slice(i, end)), after);
      after = { kind: 'split', id: this.#newId(), next: [this.#byte([[controlByte, controlByte]], rest), rest] };
      end = i;
    }
    return this.#bytes(encoder.encode(text.slice(0, end)), after);
  }

  #bytes(bytes: Uint8Array, next: GrammarStep): GrammarStep {
    return bytes.reduceRight<GrammarStep>((after, byte) => this.#byte([[byte, byte]], after), next);
  }

  /** One of several sequences of bytes. Those of one byte are one step; the others share what follows the first. */
  #character(sequences: readonly (readonly Utf8Range[])[], next: GrammarStep): GrammarStep {
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
    return only && steps.length === 1 ? only : { kind: 'split', id: this.#newId(), next: steps };
  }

  #ranges(ranges: readonly Utf8Range[], next: GrammarStep): GrammarStep {
    return ranges.reduceRight<GrammarStep>((after, range) => this.#byte([range], after), next);
  }

  #byte(ranges: readonly Utf8Range[], next: GrammarStep): GrammarStep {
    return { kind: 'byte', id: this.#newId(), ranges, next };
  }

  #stepsOf(rule: Rule): RuleSteps {
    const known = this.#rules.get(rule);
    if (known) return known;
    const steps: RuleSteps = { start: undefined };
    this.#rules.set(rule, steps);
    this.#waiting.push(rule);
    return steps;
  }

  #newId(): number {
    this.#steps += 1;
    if (this.#steps > mostSteps) throw grammarError('root', `it has more than ${mostSteps} steps`);
    return this.#steps;
  }
}
