import { at } from '../base/at.ts';
import type { Application, Expression, Macro, Statement, Target } from './ast.ts';
import { TemplateError } from './errors.ts';
import { ExpressionParser } from './expressions.ts';
import { constants } from './grammar.ts';
import { TokenStream } from './token-stream.ts';

/** Variables that only macros have, and only those that use them. */
const specialNames: ReadonlySet<string> = new Set(['caller', 'kwargs', 'varargs']);
/**
 * The longest source, whose tokens and tree take a few MiB; the longest template of a known model has 17,000
 * characters.
 */
const longestSource = 2 ** 18;

/** Parses a template. Throws TemplateError, also for tags that load other templates. */
export function parse(source: string): readonly Statement[] {
  if (source.length > longestSource) throw new TemplateError(`it has more than ${longestSource} characters`);
  return new Parser(new TokenStream(source)).template();
}

class Parser {
  readonly #tokens: TokenStream;
  readonly #expressions: ExpressionParser;
  /** Special names that were used before they were set, for each macro around. */
  readonly #macros: { readonly uses: Set<string>; readonly sets: Set<string> }[] = [];
  /** Loops that a `break` here could end, and all loops around. */
  #loops = 0;
  #allLoops = 0;

  constructor(tokens: TokenStream) {
    this.#tokens = tokens;
    this.#expressions = new ExpressionParser(tokens, (name) => this.#load(name));
  }

  template(): readonly Statement[] {
    const body = this.#body();
    if (!this.#tokens.is('end')) this.#tokens.fail(`"${this.#tokens.present.value}" closes nothing here`);
    return body;
  }

  #load(name: string): void {
    if (!specialNames.has(name)) return;
    for (const { uses, sets } of this.#macros) if (!sets.has(name)) uses.add(name);
  }

  #store(name: string): void {
    if (specialNames.has(name)) for (const { sets } of this.#macros) sets.add(name);
  }

  /** Statements up to a tag that does not begin one; the parser is then at its name. */
  #body(): Statement[] {
    const tokens = this.#tokens;
    const body: Statement[] = [];
    for (;;) {
      const { type, value, line } = tokens.present;
      if (type === 'end') return body;
      tokens.take();
      if (type === 'text') body.push({ kind: 'text', text: value, line });
      else if (type === '{{') {
        body.push({ kind: 'print', expression: this.#expressions.tuple(), line });
        tokens.expect('}}');
      } else {
        if (!tokens.is('name')) tokens.fail('a tag has no name');
        const read = this.#tags.get(tokens.present.value);
        if (!read) return body;
        const name = tokens.take().value;
        tokens.nested(() => body.push(...read(line, name)));
        tokens.expect('%}');
      }
    }
  }

  /** The rest of a tag and the statements up to one of `ends`, whose name is taken and given back. */
  #block(...ends: readonly string[]): { body: Statement[]; end: string } {
    const tokens = this.#tokens;
    tokens.skip('operator', ':');
    tokens.expect('%}');
    const body = this.#body();
    const { type, value, line } = tokens.present;
    if (type === 'name' && ends.includes(value)) return { body, end: tokens.take().value };
    const found = type === 'end' ? 'the template ends' : `found the tag "${value}"`;
    return tokens.fail(`${found}; expected ${ends.join(' or ')}`, line);
  }

  /** Parses a block with variables of its own. */
  #scoped<T>(read: () => T): T {
    const { soft } = this.#expressions;
    this.#expressions.soft = false;
    const result = read();
    this.#expressions.soft = soft;
    return result;
  }

  /** Parses a block that cannot end the loops around it. */
  #function<T>(read: () => T): T {
    const loops = this.#loops;
    this.#loops = 0;
    const result = this.#scoped(read);
    this.#loops = loops;
    return result;
  }

  readonly #tags: ReadonlyMap<string, (line: number, name: string) => Statement[]> = new Map([
    ['if', (line) => [this.#if(line)]],
    ['for', (line) => [this.#for(line)]],
    ['break', (line, name) => [this.#jump(line, name)]],
    ['continue', (line, name) => [this.#jump(line, name)]],
    ['set', (line) => [this.#set(line)]],
    ['with', (line) => [this.#with(line)]],
    ['macro', (line) => [this.#macro(line)]],
    ['call', (line) => [this.#call(line)]],
    ['filter', (line) => [this.#filter(line)]],
    ['print', (line) => this.#print(line)],
    // Marks in training texts around the assistant's part.
    [
      'generation',
      (line) => [{ kind: 'with', values: [], body: this.#function(() => this.#block('endgeneration').body), line }],
    ],
    ...['include', 'import', 'from', 'extends', 'block', 'autoescape', 'do', 'trans', 'debug'].map(
      (name): [string, (line: number) => never] => [
        name,
        (line) => this.#tokens.fail(`the tag "${name}" is not supported`, line),
      ],
    ),
  ] as [string, (line: number, name: string) => Statement[]][]);

  #if(line: number): Statement {
    const expressions = this.#expressions;
    const { soft } = expressions;
    expressions.soft = true;
    const branches: (readonly [Expression, readonly Statement[]])[] = [];
    let otherwise: Statement[] = [];
    for (let end = 'elif'; end !== 'endif'; ) {
      if (end === 'else') ({ body: otherwise, end } = this.#block('endif'));
      else {
        const test = expressions.tuple({ conditional: false });
        const { body, end: next } = this.#block('elif', 'else', 'endif');
        branches.push([test, body]);
        end = next;
      }
    }
    expressions.soft = soft;
    return { kind: 'if', branches, otherwise, line };
  }

  #for(line: number): Statement {
    const tokens = this.#tokens;
    this.#allLoops += 1;
    const target = this.#target('in');
    tokens.expect('name', 'in');
    const iterable = this.#expressions.tuple({ conditional: false, until: 'recursive' });
    const test = tokens.skip('name', 'if') ? this.#scoped(() => this.#expressions.expression()) : undefined;
    const recursive = tokens.skip('name', 'recursive');
    this.#loops += 1;
    const { body, end } = this.#scoped(() => this.#block('endfor', 'else'));
    this.#loops -= 1;
    const otherwise = end === 'else' ? this.#scoped(() => this.#block('endfor').body) : [];
    this.#allLoops -= 1;
    return { kind: 'for', target, iterable, test, recursive, body, otherwise, line };
  }

  #jump(line: number, name: string): Statement {
    if (this.#loops === 0) this.#tokens.fail(`"${name}" stands outside a loop`, line);
    return { kind: name as 'break' | 'continue', line };
  }

  #set(line: number): Statement {
    const tokens = this.#tokens;
    const target = this.#target('=');
    if (tokens.skip('operator', '=')) return { kind: 'set', target, value: this.#expressions.tuple(), line };
    return this.#scoped(() => {
      const filters: Application[] = [];
      while (tokens.skip('operator', '|')) filters.push(this.#expressions.filter());
      return { kind: 'capture', target, filters, body: this.#block('endset').body, line };
    });
  }

  #filter(line: number): Statement {
    return this.#scoped(() => {
      const filters = [this.#expressions.filter()];
      while (this.#tokens.skip('operator', '|')) filters.push(this.#expressions.filter());
      return { kind: 'capture', target: undefined, filters, body: this.#block('endfilter').body, line };
    });
  }

  #with(line: number): Statement {
    const tokens = this.#tokens;
    const values: (readonly [Target, Expression])[] = [];
    while (!tokens.is('%}')) {
      if (values.length > 0) tokens.expect('operator', ',');
      const target = this.#target('');
      tokens.expect('operator', '=');
      values.push([target, this.#expressions.expression()]);
    }
    return { kind: 'with', values, body: this.#scoped(() => this.#block('endwith').body), line };
  }

  #print(line: number): Statement[] {
    const tokens = this.#tokens;
    const printed: Statement[] = [];
    while (!tokens.is('%}')) {
      if (printed.length > 0) tokens.expect('operator', ',');
      printed.push({ kind: 'print', expression: this.#expressions.expression(), line });
    }
    return printed;
  }

  #macro(line: number): Statement {
    const name = this.#tokens.expect('name').value;
    this.#checkName(name);
    this.#store(name);
    return { kind: 'macro', macro: this.#function(() => this.#macroBody(name, this.#parameters(), 'endmacro')), line };
  }

  #call(line: number): Statement {
    const parameters = this.#tokens.is('operator', '(') ? this.#parameters() : [];
    const call = this.#expressions.expression();
    if (call.kind !== 'call') return this.#tokens.fail('a call block needs a call', line);
    return {
      kind: 'call',
      call,
      caller: this.#function(() => this.#macroBody(undefined, parameters, 'endcall')),
      line,
    };
  }

  #parameters(): (readonly [string, Expression | undefined])[] {
    const tokens = this.#tokens;
    const parameters: (readonly [string, Expression | undefined])[] = [];
    tokens.expect('operator', '(');
    while (!tokens.is('operator', ')')) {
      if (parameters.length > 0) tokens.expect('operator', ',');
      const name = tokens.expect('name').value;
      this.#checkName(name);
      if (parameters.some(([other]) => other === name)) tokens.fail(`two parameters are named ${name}`);
      const fallback = tokens.skip('operator', '=') ? this.#expressions.expression() : undefined;
      if (!fallback && parameters.at(-1)?.[1]) tokens.fail('a parameter without a default follows one with a default');
      parameters.push([name, fallback]);
    }
    tokens.take();
    return parameters;
  }

  #macroBody(name: string | undefined, parameters: Macro['parameters'], end: string): Macro {
    const around = { uses: new Set<string>(), sets: new Set<string>() };
    for (const [parameter] of parameters) this.#store(parameter);
    this.#macros.push(around);
    const { body } = this.#block(end);
    this.#macros.pop();
    const own = parameters.find(([parameter]) => parameter === 'caller');
    if (own && !own[1] && around.uses.has('caller')) this.#tokens.fail('the parameter "caller" needs a default');
    for (const [parameter] of parameters) around.uses.delete(parameter);
    return { name, parameters, uses: around.uses, body };
  }

  /** One target, or several with commas between them, up to a name or "=", before which attributes can be set. */
  #target(until: string): Target {
    const tokens = this.#tokens;
    const items = [this.#targetItem(until)];
    let commas = false;
    while (tokens.skip('operator', ',')) {
      commas = true;
      if (tokens.is('%}') || tokens.isOperator('=', ')') || (until !== '' && tokens.is('name', until))) break;
      items.push(this.#targetItem(until));
    }
    return commas ? { kind: 'tuple', items } : at(items, 0);
  }

  #targetItem(until: string): Target {
    const tokens = this.#tokens;
    if (tokens.skip('operator', '(')) {
      const inside = tokens.nested(() => this.#target(until));
      tokens.expect('operator', ')');
      return inside;
    }
    const { value: name } = tokens.expect('name');
    if (until === '=' && tokens.skip('operator', '.')) {
      this.#load(name);
      return { kind: 'attribute', namespace: name, name: tokens.expect('name').value };
    }
    this.#checkName(name);
    this.#store(name);
    return { kind: 'name', name };
  }

  #checkName(name: string): void {
    if (constants.has(name)) this.#tokens.fail(`"${name}" cannot be set`);
    if (name === 'loop' && this.#allLoops > 0) this.#tokens.fail('"loop" cannot be set inside a loop');
  }
}
