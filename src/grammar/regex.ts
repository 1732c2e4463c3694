import { grammarError } from './grammar-error.ts';
import {
  type CharacterRange,
  characters,
  choice,
  complement,
  concat,
  type GrammarNode,
  range,
  repeat,
} from './node.ts';

/** The texts of a regular expression, and the fewest and the most characters of one. */
export interface RegexTexts {
  readonly node: GrammarNode;
  readonly min: number;
  readonly max: number;
}

export interface RegexOptions {
  /** The place of the pattern, for errors. */
  readonly place: string;
  /** True if the texts only have to contain what it describes, but for its anchors. */
  readonly search: boolean;
  /** One character out of ranges, as it is written. */
  readonly character: (ranges: readonly CharacterRange[]) => GrammarNode;
}

/** The longest pattern, in UTF-16 units, and groups within groups. */
const longest = 2 ** 14;
const deepest = 100;
const infinite = Number.POSITIVE_INFINITY;

const digits = [range('0', '9')];
const wordCharacters = [...digits, range('a', 'z'), range('A', 'Z'), range('_')];
const spaces = [
  range('\t', '\r'),
  ...Array.from(' \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff', (one) => range(one)),
  range('\u2000', '\u200a'),
];
const lineEnds = [range('\n'), range('\r'), range('\u2028', '\u2029')];
/** Classes of characters by the letter of their escape. */
const classEscapes: Readonly<Record<string, readonly CharacterRange[]>> = {
  d: digits,
  D: complement(digits),
  w: wordCharacters,
  W: complement(wordCharacters),
  s: spaces,
  S: complement(spaces),
};
const characterEscapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v', '0': '\0' };

/** Reads a regular expression of JavaScript. Throws BAD_GRAMMAR for one that is not valid, or not regular. */
export function parseRegex(pattern: string, options: RegexOptions): RegexTexts {
  if (pattern.length > longest) throw grammarError(options.place, `it is longer than ${longest} characters`);
  return new RegexParser(pattern, options).parse();
}

class RegexParser {
  readonly #pattern: string;
  readonly #options: RegexOptions;
  #at = 0;
  #depth = 0;

  constructor(pattern: string, options: RegexOptions) {
    this.#pattern = pattern;
    this.#options = options;
  }

  parse(): RegexTexts {
    const alternatives: RegexTexts[] = [];
    do {
      const begins = !this.#take('^') && this.#options.search;
      const inner = this.#sequence();
      const ends = !this.#take('$') && this.#options.search;
      alternatives.push(
        this.#concat([...(begins ? [this.#anything()] : []), inner, ...(ends ? [this.#anything()] : [])]),
      );
    } while (this.#take('|'));
    if (this.#at < this.#pattern.length) throw this.#error(`unexpected ${this.#next}`);
    return this.#either(alternatives);
  }

  #anything(): RegexTexts {
    return { node: repeat(this.#options.character(complement([])), 0), min: 0, max: infinite };
  }

  #alternatives(): RegexTexts {
    const alternatives = [this.#sequence()];
    while (this.#take('|')) alternatives.push(this.#sequence());
    return this.#either(alternatives);
  }

  #either(alternatives: readonly RegexTexts[]): RegexTexts {
    return {
      node: choice(...alternatives.map(({ node }) => node)),
      min: Math.min(...alternatives.map(({ min }) => min)),
      max: Math.max(...alternatives.map(({ max }) => max)),
    };
  }

  #concat(parts: readonly RegexTexts[]): RegexTexts {
    return {
      node: concat(...parts.map(({ node }) => node)),
      min: parts.reduce((sum, { min }) => sum + min, 0),
      max: parts.reduce((sum, { max }) => sum + max, 0),
    };
  }

  #sequence(): RegexTexts {
    const parts: RegexTexts[] = [];
    for (let part = this.#part(); part; part = this.#part()) parts.push(part);
    return this.#concat(parts);
  }

  #part(): RegexTexts | undefined {
    const atom = this.#atom();
    const times = atom && this.#times();
    if (!times) return atom;
    // A lazy quantifier prefers other matches of the same texts.
    this.#take('?');
    const [min, max] = times;
    return {
      node: repeat(atom.node, min, max),
      min: atom.min * min,
      max: max === 0 || atom.max === 0 ? 0 : atom.max * max,
    };
  }

  #times(): readonly [min: number, max: number] | undefined {
    if (this.#take('*')) return [0, infinite];
    if (this.#take('+')) return [1, infinite];
    if (this.#take('?')) return [0, 1];
    const [, least, comma, most] = this.#match(/\{(\d{1,9})(,(\d{0,9}))?\}/y) ?? [];
    if (least === undefined) return undefined;
    const min = Number(least);
    const max = comma === undefined ? min : most ? Number(most) : infinite;
    if (max < min) throw this.#error('the most times are fewer than the least');
    return [min, max];
  }

  #atom(): RegexTexts | undefined {
    const next = this.#next;
    switch (next) {
      case '':
      case '|':
      case ')':
        return undefined;
      case '(':
        return this.#group();
      case '[':
        return this.#one(this.#class());
      case '.':
        this.#at += 1;
        return this.#one(complement(lineEnds));
      case '\\':
        return this.#one(this.#escape());
      case '$':
        if (this.#depth > 0 || !/^\$(?:\||$)/.test(this.#pattern.slice(this.#at))) {
          throw this.#error('$ can be enforced only at the end of the whole');
        }
        return undefined;
      case '^':
        throw this.#error('^ can be enforced only at the beginning of the whole');
      case '*':
      case '+':
      case '?':
        throw this.#error('there is nothing to repeat');
      default:
        return this.#one([range(this.#character())]);
    }
  }

  #one(ranges: readonly CharacterRange[]): RegexTexts {
    return { node: this.#options.character(ranges), min: 1, max: 1 };
  }

  #group(): RegexTexts {
    this.#take('(');
    if (!this.#match(/\?(?::|<[A-Za-z_$][\w$]*>)/y) && this.#next === '?') {
      throw this.#error('this kind of group cannot be enforced');
    }
    this.#depth += 1;
    if (this.#depth > deepest) throw this.#error(`there are more than ${deepest} groups within each other`);
    const inner = this.#alternatives();
    if (!this.#take(')')) throw this.#error('a group does not end');
    this.#depth -= 1;
    return inner;
  }

  #class(): readonly CharacterRange[] {
    this.#take('[');
    const inverse = this.#take('^');
    const ranges: CharacterRange[] = [];
    while (!this.#take(']')) {
      if (this.#next === '') throw this.#error('a class does not end');
      const first = this.#classAtom();
      const isRange = this.#next === '-' && !/^-(?:\]|$)/.test(this.#pattern.slice(this.#at, this.#at + 2));
      if (!isRange) ranges.push(...first);
      else {
        this.#take('-');
        ranges.push(this.#between(first, this.#classAtom()));
      }
    }
    return inverse ? complement(ranges) : ranges;
  }

  #between(from: readonly CharacterRange[], to: readonly CharacterRange[]): CharacterRange {
    const [low, high] = [from[0], to[0]];
    const isSingle = from.length === 1 && to.length === 1 && low?.first === low?.last && high?.first === high?.last;
    if (!low || !high || !isSingle || low.first > high.first) throw this.#error('this is no range of characters');
    return { first: low.first, last: high.first };
  }

  #classAtom(): readonly CharacterRange[] {
    if (this.#next === '\\')
      return /^\\b/.test(this.#pattern.slice(this.#at, this.#at + 2)) ? this.#backspace() : this.#escape();
    return [range(this.#character())];
  }

  #backspace(): readonly CharacterRange[] {
    this.#at += 2;
    return [range('\b')];
  }

  #escape(): readonly CharacterRange[] {
    this.#take('\\');
    const hex = this.#match(/x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}/y);
    if (hex) {
      const code = Number.parseInt(hex[1] ?? hex[2] ?? hex[3] ?? '', 16);
      if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw this.#error('this is no character');
      return [{ first: code, last: code }];
    }
    const letter = this.#character();
    const known = classEscapes[letter];
    if (known) return known;
    const control = characterEscapes[letter];
    // Two digits would be a character by its number, or a reference to a group.
    if (control !== undefined && !(letter === '0' && /\d/.test(this.#next))) return [range(control)];
    if (letter === '' || /[A-Za-z0-9]/.test(letter)) throw this.#error(`\\${letter} cannot be enforced`);
    return [range(letter)];
  }

  #character(): string {
    const code = this.#pattern.codePointAt(this.#at);
    if (code === undefined) return '';
    const character = String.fromCodePoint(code);
    this.#at += character.length;
    return character;
  }

  get #next(): string {
    return this.#pattern[this.#at] ?? '';
  }

  #take(text: string): boolean {
    if (!this.#pattern.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #match(expression: RegExp): RegExpExecArray | undefined {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.#pattern) ?? undefined;
    if (found) this.#at += found[0].length;
    return found;
  }

  #error(reason: string): Error {
    return grammarError(`${this.#options.place}, character ${this.#at + 1}`, reason);
  }
}

/** The texts that match a regular expression as a whole. Throws BAD_GRAMMAR. */
export const regexTexts = (pattern: string): GrammarNode =>
  parseRegex(pattern, { place: 'the pattern', search: false, character: (ranges) => characters(...ranges) }).node;
