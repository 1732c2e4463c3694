import { grammarError } from './grammar-error.ts';
import {
  type CharacterRange,
  choice,
  complement,
  concat,
  type GrammarNode,
  literal,
  maybe,
  pointOf,
  type Rule,
  repeat,
} from './node.ts';

/** The longest grammar, in UTF-16 units. */
const longest = 2 ** 18;
/** Groups within groups. */
const deepest = 100;
const escapes: Readonly<Record<string, string>> = { t: '\t', r: '\r', n: '\n' };
const hexDigits: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** Reads a grammar in llama.cpp's notation; its texts are those of the rule `root`. Throws BAD_GRAMMAR. */
export function parseGbnf(source: string): GrammarNode {
  if (source.length > longest) throw grammarError('root', `it is longer than ${longest} characters`);
  return new GbnfParser(source).parse();
}

class GbnfParser {
  readonly #source: string;
  readonly #rules: Map<string, Rule> = new Map();
  /** Places where rules are named for the first time. */
  readonly #named: Map<Rule, number> = new Map();
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
  }

  parse(): GrammarNode {
    this.#skip(true);
    while (this.#at < this.#source.length) this.#rule();
    for (const [rule, at] of this.#named) {
      if (!rule.body) throw this.#error(`rule ${rule.name} is not defined`, at);
    }
    const root = this.#rules.get('root');
    if (!root) throw grammarError('root', 'there is no rule of this name');
    return root;
  }

  #rule(): void {
    const rule = this.#reference();
    this.#skip(false);
    this.#expect('::=');
    this.#skip(true);
    // A rule that is defined twice is what the last definition says, as in llama.cpp.
    rule.body = this.#alternatives(false);
    if (this.#at < this.#source.length && !/[\r\n]/.test(this.#next)) throw this.#error('expected the end of the rule');
    this.#skip(true);
  }

  #alternatives(nested: boolean): GrammarNode {
    const items = [this.#concat(nested)];
    while (this.#goesOn(nested)) {
      this.#skip(true);
      items.push(this.#concat(nested));
    }
    return items.length === 1 ? (items[0] as GrammarNode) : choice(...items);
  }

  /** Takes the bar before another alternative, which may stand on a line of its own. */
  #goesOn(nested: boolean): boolean {
    const before = this.#at;
    if (!nested) this.#skip(true);
    if (this.#take('|')) return true;
    this.#at = before;
    return false;
  }

  #concat(nested: boolean): GrammarNode {
    const items: GrammarNode[] = [];
    for (let item = this.#item(nested); item; item = this.#item(nested)) items.push(item);
    return items.length === 1 ? (items[0] as GrammarNode) : concat(...items);
  }

  #item(nested: boolean): GrammarNode | undefined {
    let item = this.#symbol();
    if (!item) return undefined;
    this.#skip(nested);
    for (let times = this.#times(nested); times; times = this.#times(nested)) {
      item = times.min === 0 && times.max === 1 ? maybe(item) : repeat(item, times.min, times.max);
      this.#skip(nested);
    }
    return item;
  }

  #symbol(): GrammarNode | undefined {
    const at = this.#at;
    const next = this.#next;
    if (next === '"') return this.#literal();
    if (next === '[') return this.#class();
    if (next === '<') return this.#token();
    if (next === '!') throw this.#error('tokens that may not come are not supported');
    if (/[\w-]/.test(next)) return this.#reference();
    if (this.#take('.')) return { kind: 'characters', ranges: complement([]) };
    if (!this.#take('(')) return undefined;
    this.#depth += 1;
    if (this.#depth > deepest) throw this.#error(`there are more than ${deepest} groups within each other`, at);
    this.#skip(true);
    const inner = this.#alternatives(true);
    this.#skip(true);
    this.#expect(')');
    this.#depth -= 1;
    return inner;
  }

  #times(nested: boolean): { min: number; max: number } | undefined {
    if (this.#take('*')) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#take('+')) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#take('?')) return { min: 0, max: 1 };
    const at = this.#at;
    if (!this.#take('{')) return undefined;
    this.#skip(nested);
    const min = this.#number();
    this.#skip(nested);
    let max = min;
    if (this.#take(',')) {
      this.#skip(nested);
      max = /\d/.test(this.#next) ? this.#number() : Number.POSITIVE_INFINITY;
      this.#skip(nested);
    }
    this.#expect('}');
    if (max < min) throw this.#error('the most times are fewer than the least', at);
    return { min, max };
  }

  #number(): number {
    const digits = this.#match(/\d{1,9}/y);
    if (digits === undefined) throw this.#error('expected a number of at most 9 digits');
    return Number(digits);
  }

  #literal(): GrammarNode {
    const at = this.#at;
    this.#expect('"');
    const parts: string[] = [];
    while (!this.#take('"')) {
      if (this.#at >= this.#source.length) throw this.#error('this text does not end', at);
      parts.push(this.#character());
    }
    return literal(parts.join(''));
  }

  #class(): GrammarNode {
    const at = this.#at;
    this.#expect('[');
    const inverse = this.#take('^');
    const ranges: CharacterRange[] = [];
    while (!this.#take(']')) {
      if (this.#at >= this.#source.length) throw this.#error('these characters do not end', at);
      const first = pointOf(this.#character());
      const isRange = this.#next === '-' && this.#source[this.#at + 1] !== ']';
      if (isRange) this.#expect('-');
      const last = isRange ? pointOf(this.#character()) : first;
      if (last < first) throw this.#error('this range ends before it begins', at);
      ranges.push({ first, last });
    }
    if (ranges.length === 0 && !inverse) throw this.#error('there is no character in it', at);
    return { kind: 'characters', ranges: inverse ? complement(ranges) : ranges };
  }

  /** A token by its number, `<[12]>`, or its name, `<|end|>`. */
  #token(): GrammarNode {
    const place = this.#place(this.#at);
    const number = this.#match(/<\[(\d{1,9})\]>/y);
    if (number !== undefined) return { kind: 'token', token: Number(number.slice(2, -2)), place };
    const name = this.#match(/<[^>\r\n]*>/y);
    if (name === undefined) throw this.#error('expected the name of a token, up to ">"');
    return { kind: 'token', token: name, place };
  }

  #reference(): Rule {
    const at = this.#at;
    const name = this.#match(/[\w-]+/y);
    if (name === undefined) throw this.#error('expected the name of a rule');
    let rule = this.#rules.get(name);
    if (!rule) {
      rule = { kind: 'rule', name, body: undefined };
      this.#rules.set(name, rule);
      this.#named.set(rule, at);
    }
    return rule;
  }

  /** A character of a literal or a class, which may be written as an escape. */
  #character(): string {
    const at = this.#at;
    if (!this.#take('\\')) {
      const point = this.#source.codePointAt(at);
      if (point === undefined) throw this.#error('expected a character', at);
      const character = String.fromCodePoint(point);
      this.#at += character.length;
      return character;
    }
    const kind = this.#next;
    this.#at += 1;
    const digits = hexDigits[kind];
    if (digits === undefined) {
      if (escapes[kind] !== undefined) return escapes[kind];
      if (/["\\[\]^-]/.test(kind)) return kind;
      throw this.#error(`there is no escape \\${kind}`, at);
    }
    const hex = this.#match(new RegExp(`[0-9a-fA-F]{${digits}}`, 'y'));
    const point = hex === undefined ? Number.NaN : Number.parseInt(hex, 16);
    if (!(point <= 0x10ffff) || (point >= 0xd800 && point <= 0xdfff)) {
      throw this.#error(`expected a character as ${digits} hexadecimal digits`, at);
    }
    return String.fromCodePoint(point);
  }

  get #next(): string {
    return this.#source[this.#at] ?? '';
  }

  #take(token: string): boolean {
    if (!this.#source.startsWith(token, this.#at)) return false;
    this.#at += token.length;
    return true;
  }

  #expect(token: string): void {
    if (!this.#take(token)) throw this.#error(`expected ${token}`);
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#source) ?? [];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  /** Skips blanks and comments, and ends of lines where they mean nothing. */
  #skip(lines: boolean): void {
    this.#match(lines ? /(?:[ \t\r\n]|#[^\r\n]*)*/y : /(?:[ \t]|#[^\r\n]*)*/y);
  }

  #place(at: number): string {
    const before = this.#source.slice(0, at).split('\n');
    return `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
  }

  #error(reason: string, at: number = this.#at): Error {
    return grammarError(this.#place(at), reason);
  }
}
