/** A value of C++ as far as the tests of llama.cpp need it. */
export type Value = string | boolean | undefined | readonly Value[] | Named | ((...values: readonly Value[]) => Value);

/** A name that stands for nothing that is known here. */
export interface Named {
  readonly name: string;
}

/** A call of a method in a chain: `.expect(message)`. */
export interface Method {
  readonly name: string;
  readonly values: readonly Value[];
}

interface Token {
  readonly kind: 'string' | 'word' | 'sign';
  readonly text: string;
}

const blank = /(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)+/y;
const raw = /(?:u8)?R"([^(\s]*)\(([\s\S]*?)\)\1"/y;
const quoted = /(?:u8)?"((?:[^"\\]|\\[\s\S])*)"/y;
const word = /[\w:]+/y;

/** Reads expressions of C++ source from a place on. */
export class CppReader {
  readonly #source: string;
  readonly #known: ReadonlyMap<string, Value>;
  #at: number;

  constructor(source: string, at: number, known: ReadonlyMap<string, Value>) {
    this.#source = source;
    this.#known = known;
    this.#at = at;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#source);
    if (match) this.#at = pattern.lastIndex;
    return match;
  }

  #token(): Token {
    this.#match(blank);
    const rawText = this.#match(raw);
    if (rawText) return { kind: 'string', text: rawText[2] ?? '' };
    const text = this.#match(quoted);
    if (text) return { kind: 'string', text: unescaped(text[1] ?? '') };
    const name = this.#match(word);
    if (name) return { kind: 'word', text: name[0] };
    this.#at += 1;
    return { kind: 'sign', text: this.#source.charAt(this.#at - 1) };
  }

  #peek(): Token {
    const at = this.#at;
    const token = this.#token();
    this.#at = at;
    return token;
  }

  #skip(text: string): boolean {
    const { kind, text: next } = this.#peek();
    if (kind !== 'sign' || next !== text) return false;
    this.#token();
    return true;
  }

  /** An expression with its concatenations. */
  value(): Value {
    let value = this.#single();
    while (this.#skip('+')) value = `${String(value)}${String(this.#single())}`;
    return value;
  }

  #single(): Value {
    if (this.#skip('{')) return this.#list('}');
    const token = this.#token();
    if (token.kind === 'string') {
      let text = token.text;
      while (this.#peek().kind === 'string') text += this.#token().text;
      return text;
    }
    if (token.kind === 'sign') throw new Error(`"${token.text}" is not the begin of a value`);
    if (token.text === 'true' || token.text === 'false') return token.text === 'true';
    const known = this.#known.get(token.text);
    if (!this.#skip('(')) return known ?? { name: token.text };
    const values = this.#list(')');
    if (typeof known !== 'function') throw new Error(`${token.text}() is not known`);
    return known(...values);
  }

  #list(end: string): Value[] {
    const values: Value[] = [];
    while (!this.#skip(end)) {
      values.push(this.value());
      this.#skip(',');
    }
    return values;
  }

  /** The calls of methods that follow each other, up to the semicolon. */
  methods(): Method[] {
    const methods: Method[] = [];
    while (this.#skip('.')) {
      const name = this.#token().text;
      if (!this.#skip('(')) throw new Error(`${name} is not called`);
      methods.push({ name, values: this.#list(')') });
    }
    return methods;
  }
}

const letters: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

const unescaped = (text: string): string =>
  text.replace(/\\([\s\S])/g, (_, letter: string) => letters[letter] ?? letter);
