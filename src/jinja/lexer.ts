import { at } from '../base/at.ts';
import { spaces } from './characters.ts';
import { notSupported, TemplateError } from './errors.ts';

export interface Token {
  readonly type: 'text' | 'name' | 'string' | 'int' | 'float' | 'operator' | '{{' | '}}' | '{%' | '%}' | 'end';
  /** The value: a string's content, a number's digits, or the text itself. */
  readonly value: string;
  readonly line: number;
}

const space = new RegExp(`[${spaces}]+`, 'y');
const lineOfSpace = new RegExp(`^[${spaces}]+$`);
const trailingSpace = (text: string): number => {
  let end = text.length;
  while (end > 0 && lineOfSpace.test(at(text, end - 1))) end -= 1;
  return end;
};
const raw = new RegExp(`\\{%([-+]?)[${spaces}]*raw[${spaces}]*(?:-%\\}[${spaces}]*|%\\})`, 'y');
const endRaw = new RegExp(`\\{%([-+]?)[${spaces}]*endraw[${spaces}]*(?:\\+%\\}|-%\\}[${spaces}]*|%\\}\\n?)`, 'y');
const comment = new RegExp(`-#\\}[${spaces}]*|\\+#\\}|#\\}\\n?`, 'y');
const blockEnd = new RegExp(`-%\\}[${spaces}]*|\\+%\\}|%\\}\\n?`, 'y');
const variableEnd = new RegExp(`-\\}\\}[${spaces}]*|\\}\\}`, 'y');
const digits = '[0-9]+(?:_[0-9]+)*';
const float = new RegExp(`(?<!\\.)${digits}(?:(?:\\.${digits})?[eE][-+]?${digits}|\\.${digits})`, 'y');
const int = /0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[0-9a-fA-F])+|[1-9](?:_?[0-9])*|0(?:_?0)*/y;
const name = /[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*/uy;
const operator = /\/\/|\*\*|==|!=|>=|<=|[-+/*%~[\](){}><=.:|,;]/y;
const closing: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

const escapes: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/** The content of a string literal, as Python reads it. */
function literal(body: string): string {
  if (!body.includes('\\')) return body;
  return body.replace(
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|([\s\S]))/g,
    (all, x: string, u: string, long: string, octal: string, other: string) => {
      if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
      const hex = x ?? u ?? long;
      if (hex === undefined) {
        if (other === 'x' || other === 'u' || other === 'U') throw new TemplateError(`truncated escape \\${other}`);
        if (other === 'N') throw notSupported('the escape \\N');
        return escapes[other] ?? all;
      }
      const code = Number.parseInt(hex, 16);
      if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) throw new TemplateError(`${all} is no character`);
      return String.fromCodePoint(code);
    },
  );
}

/**
 * Reads source as tokens, one after the other, with `trim_blocks` and `lstrip_blocks`: the newline after a block and
 * the space before it on its line are no text.
 */
export class Lexer {
  readonly #source: string;
  readonly #brackets: string[] = [];
  #at = 0;
  #line = 1;
  #inside: '' | '{{' | '{%' = '';
  readonly #ready: Token[] = [];

  constructor(source: string) {
    this.#source = source.replace(/\r\n?/g, '\n').replace(/\n$/, '');
  }

  /** The next token; "end" again and again after the last one. Throws TemplateError. */
  next(): Token {
    for (;;) {
      const ready = this.#ready.shift();
      if (ready) return ready;
      if (this.#inside !== '') return this.#tagToken(this.#inside);
      if (this.#at >= this.#source.length) return this.#token('end', '');
      this.#readText();
    }
  }

  #token(type: Token['type'], value: string): Token {
    return { type, value, line: this.#line };
  }

  #fail(reason: string): never {
    throw new TemplateError(reason, this.#line);
  }

  /** Moves on, counting lines. */
  #skipTo(end: number): void {
    for (let at = this.#source.indexOf('\n', this.#at); at >= 0 && at < end; at = this.#source.indexOf('\n', at + 1)) {
      this.#line += 1;
    }
    this.#at = end;
  }

  /** Matches `pattern` here, and steps behind the match. */
  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#source);
    if (match) this.#skipTo(pattern.lastIndex);
    return match ?? undefined;
  }

  /** Pushes the text up to `end`, without the part that the tag there strips from it. */
  #pushText(end: number, sign: string, isBlock: boolean): void {
    let text = this.#source.slice(this.#at, end);
    const startsLine = this.#at === 0 || this.#source[this.#at - 1] === '\n';
    if (sign === '-') text = text.slice(0, trailingSpace(text));
    else if (isBlock && sign !== '+') {
      const line = text.lastIndexOf('\n') + 1;
      if ((line > 0 || startsLine) && lineOfSpace.test(text.slice(line))) text = text.slice(0, line);
    }
    if (text !== '') this.#ready.push(this.#token('text', text));
    this.#skipTo(end);
  }

  /** Reads text and the tag after it: a comment or a raw block as a whole, of other tags the beginning. */
  #readText(): void {
    let start = this.#source.indexOf('{', this.#at);
    while (start >= 0 && !'{%#'.includes(this.#source[start + 1] ?? ' ')) start = this.#source.indexOf('{', start + 1);
    if (start < 0) {
      this.#pushText(this.#source.length, '+', false);
      return;
    }
    const kind = this.#source.slice(start, start + 2);
    const sign = /[-+]/.exec(this.#source[start + 2] ?? '')?.[0] ?? '';
    this.#pushText(start, sign, kind !== '{{');
    if (kind === '{%' && this.#match(raw)) this.#readRaw();
    else {
      this.#skipTo(start + 2 + sign.length);
      if (kind === '{#') this.#readComment();
      else {
        this.#inside = kind as '{{' | '{%';
        this.#ready.push(this.#token(this.#inside, kind));
      }
    }
  }

  #readComment(): void {
    const close = this.#source.indexOf('#}', this.#at);
    // Jinja2 accepts a missing end where no text stands before it.
    if (this.#at >= this.#source.length) return;
    if (close < 0) this.#fail('a comment has no end');
    const signed = close > this.#at && '-+'.includes(at(this.#source, close - 1));
    this.#skipTo(signed ? close - 1 : close);
    this.#match(comment);
  }

  #readRaw(): void {
    if (this.#at >= this.#source.length) return;
    for (let end = this.#source.indexOf('{%', this.#at); end >= 0; end = this.#source.indexOf('{%', end + 1)) {
      endRaw.lastIndex = end;
      const match = endRaw.exec(this.#source);
      if (!match) continue;
      this.#pushText(end, at(match, 1), true);
      this.#match(endRaw);
      return;
    }
    this.#fail('a raw block has no end');
  }

  #tagToken(inside: '{{' | '{%'): Token {
    const end = this.#brackets.length === 0;
    this.#match(space);
    // A sign can belong to the end of a tag, which comes first.
    const { line } = this.#token('end', '');
    if (end && this.#match(inside === '{{' ? variableEnd : blockEnd)) {
      this.#inside = '';
      return { type: inside === '{{' ? '}}' : '%}', value: '', line };
    }
    if (this.#at >= this.#source.length) this.#fail('the template ends inside a tag');
    const type = (['float', 'int', 'name'] as const).find((kind) => {
      const match = this.#match({ float, int, name }[kind]);
      if (match) this.#ready.push({ type: kind, value: match[0].replaceAll('_', kind === 'name' ? '_' : ''), line });
      return match !== undefined;
    });
    if (type !== undefined) return this.#ready.shift() as Token;
    const quote = at(this.#source, this.#at);
    if (quote === "'" || quote === '"') return this.#readString(quote, line);
    const [symbol] = this.#match(operator) ?? this.#fail(`unexpected character ${JSON.stringify(quote)}`);
    const close = closing[symbol];
    if (close !== undefined) this.#brackets.push(close);
    else if (')]}'.includes(symbol) && this.#brackets.pop() !== symbol) this.#fail(`unexpected "${symbol}"`);
    return { type: 'operator', value: symbol, line };
  }

  #readString(quote: string, line: number): Token {
    const start = this.#at + 1;
    let end = start;
    while (end < this.#source.length && this.#source[end] !== quote) end += this.#source[end] === '\\' ? 2 : 1;
    if (end >= this.#source.length) this.#fail('a text has no closing quote');
    try {
      return { type: 'string', value: literal(this.#source.slice(start, end)), line };
    } catch (error) {
      return this.#fail((error as Error).message);
    } finally {
      this.#skipTo(end + 1);
    }
  }
}
