import type { Application, Arguments, BinaryOperator, Comparison, Expression } from './ast.ts';
import { filters } from './filters.ts';
import { comparisons, constants, levels } from './grammar.ts';
import { tests } from './tests.ts';
import type { TokenStream } from './token-stream.ts';
import { Float } from './values.ts';

/** Parses expressions, with the precedences of Jinja2. */
export class ExpressionParser {
  readonly #tokens: TokenStream;
  /** Called with each variable that is read. */
  readonly #load: (name: string) => void;
  /** True where an unknown filter or test is an error only if it is reached. */
  soft = false;

  constructor(tokens: TokenStream, load: (name: string) => void) {
    this.#tokens = tokens;
    this.#load = load;
  }

  /** One expression, or several with commas between them as a tuple. */
  tuple(options: { readonly conditional?: boolean; readonly until?: string } = {}): Expression {
    const { conditional = true, until = '' } = options;
    const tokens = this.#tokens;
    const items: Expression[] = [];
    let commas = false;
    const ends = (): boolean =>
      tokens.is('}}') || tokens.is('%}') || tokens.is('operator', ')') || (until !== '' && tokens.is('name', until));
    while (!ends()) {
      items.push(conditional ? this.expression() : this.#or());
      if (!tokens.skip('operator', ',')) break;
      commas = true;
    }
    const [only] = items;
    if (commas || only === undefined) {
      if (!commas) tokens.fail('expected an expression');
      return { kind: 'tuple', items };
    }
    return only;
  }

  expression(): Expression {
    return this.#tokens.nested(() => this.#conditional());
  }

  /** An expression without a conditional. */
  condition(): Expression {
    return this.#tokens.nested(() => this.#or());
  }

  #conditional(): Expression {
    const tokens = this.#tokens;
    const { soft } = this;
    let then = this.#or();
    while (tokens.skip('name', 'if')) {
      this.soft = true;
      const test = this.#or();
      const otherwise = tokens.skip('name', 'else') ? this.expression() : undefined;
      then = { kind: 'conditional', test, then, otherwise };
    }
    this.soft = soft;
    return then;
  }

  #or(): Expression {
    let left = this.#and();
    while (this.#tokens.skip('name', 'or')) left = { kind: 'or', left, right: this.#and() };
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.#tokens.skip('name', 'and')) left = { kind: 'and', left, right: this.#not() };
    return left;
  }

  #not(): Expression {
    if (!this.#tokens.skip('name', 'not')) return this.#compare();
    return { kind: 'not', operand: this.#tokens.nested(() => this.#not()) };
  }

  #compare(): Expression {
    const first = this.#binary(0);
    const rest: (readonly [Comparison, Expression])[] = [];
    for (let operator = this.#comparison(); operator; operator = this.#comparison()) {
      rest.push([operator, this.#binary(0)]);
    }
    return rest.length === 0 ? first : { kind: 'compare', first, rest };
  }

  #comparison(): Comparison | undefined {
    const tokens = this.#tokens;
    if (tokens.is('operator') && comparisons.has(tokens.present.value)) return tokens.take().value as Comparison;
    if (tokens.skip('name', 'in')) return 'in';
    if (!tokens.is('name', 'not') || tokens.peek().value !== 'in') return undefined;
    tokens.take();
    tokens.take();
    return 'not in';
  }

  #binary(level: number): Expression {
    const operators = levels[level];
    if (!operators) return this.#unary(true);
    let left = this.#binary(level + 1);
    if (operators[0] === '~') {
      if (!this.#tokens.is('operator', '~')) return left;
      const items = [left];
      while (this.#tokens.skip('operator', '~')) items.push(this.#binary(level + 1));
      return { kind: 'concat', items };
    }
    while (this.#tokens.isOperator(...operators)) {
      const operator = this.#tokens.take().value as BinaryOperator;
      left = { kind: 'binary', operator, left, right: this.#binary(level + 1) };
    }
    return left;
  }

  #unary(filtered: boolean): Expression {
    const tokens = this.#tokens;
    let expression: Expression;
    if (tokens.isOperator('-', '+')) {
      const kind = tokens.take().value === '-' ? 'negative' : 'positive';
      expression = { kind, operand: tokens.nested(() => this.#unary(false)) };
    } else expression = this.#primary();
    expression = this.#postfix(expression);
    return filtered ? this.#filtered(expression) : expression;
  }

  #primary(): Expression {
    const tokens = this.#tokens;
    const { type, value, line } = tokens.present;
    if (type === 'name') {
      tokens.take();
      const constant = constants.get(value);
      if (constant !== undefined) return { kind: 'constant', value: constant };
      if (value === 'self' || value === 'super') tokens.fail(`${value} is not supported`, line);
      this.#load(value);
      return { kind: 'name', name: value };
    }
    if (type === 'string') {
      let text = '';
      while (tokens.is('string')) text += tokens.take().value;
      return { kind: 'constant', value: text };
    }
    if (type === 'float') return { kind: 'constant', value: new Float(Number(tokens.take().value)) };
    if (type === 'int') {
      const number = Number(tokens.take().value);
      if (!Number.isSafeInteger(number)) tokens.fail(`the number ${value} is too large`, line);
      return { kind: 'constant', value: number };
    }
    if (tokens.skip('operator', '(')) {
      const inside: Expression = tokens.is('operator', ')')
        ? { kind: 'tuple', items: [] }
        : tokens.nested(() => this.tuple());
      tokens.expect('operator', ')');
      return inside;
    }
    if (tokens.skip('operator', '[')) return { kind: 'list', items: this.#items(']', () => this.expression()) };
    if (tokens.skip('operator', '{')) return { kind: 'dict', entries: this.#items('}', () => this.#entry()) };
    return tokens.fail(`unexpected "${value || type}"`, line);
  }

  /** Items with commas between them up to a bracket, which is taken too. */
  #items<T>(close: string, read: () => T): T[] {
    const tokens = this.#tokens;
    const items: T[] = [];
    while (!tokens.is('operator', close)) {
      items.push(read());
      if (!tokens.skip('operator', ',')) break;
    }
    tokens.expect('operator', close);
    return items;
  }

  #entry(): readonly [Expression, Expression] {
    const key = this.expression();
    this.#tokens.expect('operator', ':');
    return [key, this.expression()];
  }

  #postfix(start: Expression): Expression {
    const tokens = this.#tokens;
    let expression = start;
    for (;;) {
      if (tokens.is('operator', '(')) expression = this.#call(expression);
      else if (tokens.skip('operator', '.')) expression = this.#attribute(expression);
      else if (tokens.skip('operator', '[')) expression = this.#subscript(expression);
      else return expression;
    }
  }

  #call(callee: Expression): Expression {
    const { line } = this.#tokens.present;
    return { kind: 'call', callee, args: this.args(), line };
  }

  #attribute(object: Expression): Expression {
    const tokens = this.#tokens;
    if (tokens.is('name')) return { kind: 'attribute', object, name: tokens.take().value };
    return { kind: 'item', object, key: { kind: 'constant', value: Number(tokens.expect('int').value) } };
  }

  #subscript(object: Expression): Expression {
    const parts = this.#items(']', () => this.#sliceOrKey());
    const slice = parts.find((part) => Array.isArray(part));
    const [only] = parts;
    if (parts.length === 1 && only) {
      return Array.isArray(only)
        ? { kind: 'slice', object, bounds: only }
        : { kind: 'item', object, key: only as Expression };
    }
    if (slice) this.#tokens.fail('a slice beside other keys is not supported');
    return { kind: 'item', object, key: { kind: 'tuple', items: parts as Expression[] } };
  }

  #sliceOrKey(): Expression | readonly (Expression | undefined)[] {
    const tokens = this.#tokens;
    const start = tokens.is('operator', ':') ? undefined : this.expression();
    if (start && !tokens.is('operator', ':')) return start;
    const bounds = [start];
    while (bounds.length < 3 && tokens.skip('operator', ':')) {
      bounds.push(tokens.isOperator(':', ']', ',') ? undefined : this.expression());
    }
    return bounds;
  }

  #filtered(start: Expression): Expression {
    const tokens = this.#tokens;
    let expression = start;
    for (;;) {
      if (tokens.skip('operator', '|')) expression = { kind: 'filter', input: expression, filter: this.filter() };
      else if (tokens.skip('name', 'is')) expression = this.#test(expression);
      else if (tokens.is('operator', '(')) expression = this.#call(expression);
      else return expression;
    }
  }

  #name(): string {
    let name = this.#tokens.expect('name').value;
    while (this.#tokens.skip('operator', '.')) name += `.${this.#tokens.expect('name').value}`;
    return name;
  }

  /** A filter's name and arguments, behind the bar. */
  filter(): Application {
    const { line } = this.#tokens.present;
    const name = this.#name();
    if (!this.soft && !filters.has(name)) this.#tokens.fail(`there is no filter "${name}"`, line);
    return { name, args: this.#tokens.is('operator', '(') ? this.args() : noArguments, line };
  }

  #test(input: Expression): Expression {
    const tokens = this.#tokens;
    const negated = tokens.skip('name', 'not');
    const { line } = tokens.present;
    const name = this.#name();
    if (!this.soft && !tests.has(name)) tokens.fail(`there is no test "${name}"`, line);
    const result: Expression = { kind: 'test', input, test: { name, args: this.#testArguments(), line } };
    return negated ? { kind: 'not', operand: result } : result;
  }

  /** Arguments in brackets, or one without. */
  #testArguments(): Arguments {
    const tokens = this.#tokens;
    if (tokens.is('operator', '(')) return this.args();
    const ends = tokens.is('name') && ['else', 'or', 'and'].includes(tokens.present.value);
    const begins = tokens.is('name') || tokens.is('string') || tokens.is('int') || tokens.is('float');
    if (ends || !(begins || tokens.isOperator('[', '{'))) return noArguments;
    if (tokens.is('name', 'is')) tokens.fail('tests cannot be chained');
    return { ...noArguments, positional: [tokens.nested(() => this.#postfix(this.#primary()))] };
  }

  args(): Arguments {
    const tokens = this.#tokens;
    const { line } = tokens.expect('operator', '(');
    const positional: Expression[] = [];
    const named: (readonly [string, Expression])[] = [];
    let list: Expression | undefined;
    let dict: Expression | undefined;
    this.#items(')', () => {
      if (tokens.is('operator', '*') && !list && !dict) {
        tokens.take();
        list = this.expression();
      } else if (tokens.is('operator', '**') && !dict) {
        tokens.take();
        dict = this.expression();
      } else if (tokens.is('name') && tokens.peek().type === 'operator' && tokens.peek().value === '=' && !dict) {
        const name = tokens.take().value;
        tokens.take();
        if (named.some(([other]) => other === name)) tokens.fail(`two arguments are named ${name}`, line);
        named.push([name, this.expression()]);
      } else if (!list && !dict && named.length === 0) positional.push(this.expression());
      else tokens.fail('the arguments of a call are in the wrong order', line);
    });
    return { positional, named, list, dict };
  }
}

const noArguments: Arguments = { positional: [], named: [], list: undefined, dict: undefined };
