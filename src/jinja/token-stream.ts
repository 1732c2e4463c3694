import { TemplateError } from './errors.ts';
import { Lexer, type Token } from './lexer.ts';

/** The deepest nesting of brackets and tags; Python's own compiler stops at 100 blocks and 200 brackets. */
const deepest = 200;

/** The tokens of a source for a parser, which sees the present one and the one after it. */
export class TokenStream {
  readonly #lexer: Lexer;
  #depth = 0;
  #after: Token | undefined;
  present: Token;

  constructor(source: string) {
    this.#lexer = new Lexer(source);
    this.present = this.#lexer.next();
  }

  /** The present token, which is left behind. */
  take(): Token {
    const { present } = this;
    this.present = this.#after ?? this.#lexer.next();
    this.#after = undefined;
    return present;
  }

  peek(): Token {
    this.#after ??= this.#lexer.next();
    return this.#after;
  }

  is(type: Token['type'], value?: string): boolean {
    return this.present.type === type && (value === undefined || this.present.value === value);
  }

  isOperator(...values: readonly string[]): boolean {
    return this.present.type === 'operator' && values.includes(this.present.value);
  }

  skip(type: Token['type'], value: string): boolean {
    if (!this.is(type, value)) return false;
    this.take();
    return true;
  }

  /** Throws TemplateError if the present token is another one. */
  expect(type: Token['type'], value?: string): Token {
    if (this.is(type, value)) return this.take();
    return this.fail(`expected ${value ?? type} and found ${describe(this.present)}`);
  }

  fail(reason: string, line: number = this.present.line): never {
    throw new TemplateError(reason, line);
  }

  /** Reads something that may contain others of its kind. */
  nested<T>(read: () => T): T {
    this.#depth += 1;
    if (this.#depth > deepest) this.fail(`more than ${deepest} levels inside each other`);
    const result = read();
    this.#depth -= 1;
    return result;
  }
}

const describe = ({ type, value }: Token): string =>
  type === 'end' ? 'the end of the template' : `"${value || type}"`;
