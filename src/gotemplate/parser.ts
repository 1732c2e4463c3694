import { at } from '../base/at.ts';
import { LimitError, TemplateError } from '../jinja/errors.ts';
import type { Branch, Node, Operand, Parsed, Pipeline } from './ast.ts';
import { type GoToken, type TemplatePart, templateParts, tokensOf, unquoted } from './lexer.ts';

/** The deepest nesting of branches and brackets. */
const deepest = 100;
const branches: ReadonlySet<string> = new Set(['if', 'with', 'range']);

/** Parses a template in Go's notation. Throws TemplateError with the line. */
export const parseGo = (source: string): Parsed => new Parser(templateParts(source)).parse();

class Parser {
  readonly #parts: readonly TemplatePart[];
  readonly #defined: Map<string, readonly Node[]> = new Map();
  #next = 0;
  #depth = 0;
  #loops = 0;

  constructor(parts: readonly TemplatePart[]) {
    this.#parts = parts;
  }

  parse(): Parsed {
    const { nodes, end } = this.#nodes();
    if (end) throw new TemplateError(`unexpected {{ ${end.word} }}`, end.line);
    return { body: nodes, defined: this.#defined };
  }

  /** Nodes up to the end of the source, or to an "end" or "else" that is not theirs. */
  #nodes(): { readonly nodes: readonly Node[]; readonly end: End | undefined } {
    const nodes: Node[] = [];
    while (this.#next < this.#parts.length) {
      const part = at(this.#parts, this.#next);
      this.#next += 1;
      if (part.kind === 'text') {
        nodes.push({ kind: 'text', text: part.text });
        continue;
      }
      const action = new Action(part);
      const word = action.word;
      if (word === 'end' || word === 'else') return { nodes, end: { word, line: part.line, action } };
      nodes.push(...this.#node(action, word));
    }
    return { nodes, end: undefined };
  }

  #node(action: Action, word: string | undefined): readonly Node[] {
    const { line } = action;
    if (word !== undefined && branches.has(word)) return [this.#branch(action, word as Branch['kind'])];
    switch (word) {
      case 'break':
      case 'continue':
        if (this.#loops === 0) throw new TemplateError(`{{ ${word} }} outside of a range`, line);
        action.take();
        action.end();
        return [{ kind: word }];
      case 'template': {
        action.take();
        const name = action.string();
        return [{ kind: 'template', name, pipeline: action.done ? undefined : action.pipeline(), line }];
      }
      case 'define': {
        action.take();
        this.#define(action.string(), line);
        return [];
      }
      case 'block': {
        action.take();
        const name = action.string();
        const pipeline = action.pipeline();
        this.#define(name, line);
        return [{ kind: 'template', name, pipeline, line }];
      }
      default:
        return [{ kind: 'action', pipeline: action.pipeline() }];
    }
  }

  #define(name: string, line: number): void {
    const { nodes, end } = this.#within(line, () => this.#nodes());
    if (end?.word !== 'end') throw new TemplateError(`a template "${name}" without an end`, line);
    this.#defined.set(name, nodes);
  }

  #branch(action: Action, kind: Branch['kind']): Branch {
    const { line } = action;
    action.take();
    const pipeline = action.pipeline(kind === 'range');
    return this.#within(line, () => {
      if (kind === 'range') this.#loops += 1;
      const { nodes: body, end } = this.#nodes();
      if (kind === 'range') this.#loops -= 1;
      if (!end) throw new TemplateError(`{{ ${kind} }} without an end`, line);
      if (end.word === 'end') return { kind, pipeline, body, otherwise: [] };
      end.action.take();
      const next = end.action.word;
      // "else if" is a branch of its own, with the same end.
      if (next === 'if' || next === 'with') {
        return { kind, pipeline, body, otherwise: [this.#branch(end.action, next)] };
      }
      const { nodes: otherwise, end: last } = this.#nodes();
      if (last?.word !== 'end') throw new TemplateError(`{{ else }} without an end`, end.line);
      return { kind, pipeline, body, otherwise };
    });
  }

  #within<T>(line: number, work: () => T): T {
    this.#depth += 1;
    if (this.#depth > deepest) throw new TemplateError(`it nests more than ${deepest} deep`, line);
    const result = work();
    this.#depth -= 1;
    return result;
  }
}

interface End {
  readonly word: 'end' | 'else';
  readonly line: number;
  readonly action: Action;
}

/** The tokens of an action, read from left to right. */
class Action {
  readonly line: number;
  readonly #tokens: readonly GoToken[];
  #next = 0;
  #depth = 0;

  constructor(part: TemplatePart) {
    this.line = part.line;
    this.#tokens = tokensOf(part);
  }

  get #token(): GoToken | undefined {
    return this.#tokens[this.#next];
  }

  get done(): boolean {
    return this.#next === this.#tokens.length;
  }

  /** The next token, if it is a word. */
  get word(): string | undefined {
    return this.#token?.kind === 'word' ? this.#token.text : undefined;
  }

  take(): void {
    this.#next += 1;
  }

  end(): void {
    if (!this.done) throw this.#unexpected();
  }

  string(): string {
    const token = this.#token;
    if (token?.kind !== 'string') throw this.#unexpected();
    this.take();
    return String(unquoted(token.text));
  }

  /** The rest of the action as a pipeline. */
  pipeline(isRange: boolean = false): Pipeline {
    const pipeline = this.#pipeline(isRange);
    this.end();
    return pipeline;
  }

  #pipeline(isRange: boolean): Pipeline {
    const variables: string[] = [];
    const begin = this.#next;
    while (this.#token?.kind === 'variable') {
      variables.push(this.#token.text);
      this.take();
      if (!isRange || this.#token?.text !== ',') break;
      this.take();
    }
    const sign = this.#token?.text;
    const takes = variables.length > 0 && (sign === ':=' || sign === '=');
    if (takes) this.take();
    else {
      this.#next = begin;
      variables.length = 0;
    }
    const commands = [this.#command()];
    while (this.#isSymbol('|')) {
      this.take();
      commands.push(this.#command());
    }
    return { commands, variables, declares: takes && sign === ':=', line: this.line };
  }

  #command(): readonly Operand[] {
    const operands = [this.#operand()];
    while (!this.done && !this.#isSymbol('|') && !this.#isSymbol(')')) operands.push(this.#operand());
    return operands;
  }

  #operand(): Operand {
    const token = this.#token;
    if (!token) throw new TemplateError('an action ends too early', this.line);
    this.take();
    let operand = this.#first(token);
    for (let next = this.#token; next?.kind === 'field' && !next.apart; next = this.#token) {
      operand = { kind: 'field', of: operand, name: next.text.slice(1) };
      this.take();
    }
    return operand;
  }

  #first(token: GoToken): Operand {
    switch (token.kind) {
      case 'string':
        return { kind: 'constant', value: unquoted(token.text) };
      case 'number':
        return { kind: 'constant', value: Number(token.text.replaceAll('_', '')) };
      case 'field':
        return { kind: 'field', of: { kind: 'dot' }, name: token.text.slice(1) };
      case 'variable':
        return { kind: 'variable', name: token.text };
      case 'word':
        if (token.text === 'nil') return { kind: 'constant', value: undefined };
        if (token.text === 'true' || token.text === 'false') return { kind: 'constant', value: token.text === 'true' };
        return { kind: 'function', name: token.text };
      default: {
        if (token.text === '.') return { kind: 'dot' };
        if (token.text !== '(') throw this.#unexpected(token);
        this.#depth += 1;
        if (this.#depth > deepest) throw new LimitError('depth', `it nests more than ${deepest} deep`);
        const pipeline = this.#pipeline(false);
        this.#depth -= 1;
        if (!this.#isSymbol(')')) throw this.#unexpected();
        this.take();
        return { kind: 'pipeline', pipeline };
      }
    }
  }

  #isSymbol(text: string): boolean {
    return this.#token?.kind === 'symbol' && this.#token.text === text;
  }

  #unexpected(token: GoToken | undefined = this.#token): TemplateError {
    return new TemplateError(
      token ? `unexpected ${JSON.stringify(token.text)}` : 'an action ends too early',
      this.line,
    );
  }
}
