import { at } from '../base/at.ts';
import type { Expression, Macro, Statement, Target } from './ast.ts';
import { TemplateError } from './errors.ts';
import { Evaluator } from './evaluator.ts';
import { elementsOf, iterate, truthy } from './iterate.ts';
import { Loop } from './loop.ts';
import type { RenderMeter } from './meter.ts';
import { pythonStr } from './print.ts';
import { Scope } from './scope.ts';
import {
  type Args,
  type Callable,
  Dict,
  isString,
  Lazy,
  Namespace,
  none,
  plain,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.ts';
import type { Unset } from './variables.ts';

/** Takes printed text. */
interface Output {
  print(text: string): void;
}

/** Text that is kept for a variable or a filter. */
class Captured implements Output {
  readonly #meter: RenderMeter;
  text = '';

  constructor(meter: RenderMeter) {
    this.#meter = meter;
  }

  print(text: string): void {
    this.#meter.text(text.length);
    this.text += text;
  }
}

/** The text that is rendered. */
class Printed implements Output {
  readonly #meter: RenderMeter;
  text = '';

  constructor(meter: RenderMeter) {
    this.#meter = meter;
  }

  print(text: string): void {
    this.#meter.print(text.length);
    this.text += text;
  }
}

/** The text that replaces a block. */
function printed(value: Value): string {
  if (!isString(value)) throw new TemplateError(`a block cannot be replaced by a ${typeName(value)}`);
  return plain(value);
}

/** A statement's way to end the ones after it. */
type Jump = 'break' | 'continue' | undefined;

/** Runs statements and prints their text. */
export class Interpreter {
  readonly #meter: RenderMeter;
  readonly #evaluator: Evaluator;
  readonly #unset: Unset;

  constructor(meter: RenderMeter, unset: Unset) {
    this.#meter = meter;
    this.#evaluator = new Evaluator(meter);
    this.#unset = unset;
  }

  /** The line that was run last. */
  get line(): number {
    return this.#evaluator.line;
  }

  render(template: readonly Statement[], scope: Scope): string {
    const output = new Printed(this.#meter);
    this.#run(template, this.#scope(template, scope), output);
    return output.text;
  }

  /** The variables of a block. */
  #scope(body: readonly Statement[], outer: Scope): Scope {
    const scope = new Scope(outer);
    for (const name of this.#unset.get(body) ?? []) scope.set(name, new Undefined(`"${name}" is undefined`));
    return scope;
  }

  #run(statements: readonly Statement[], scope: Scope, output: Output): Jump {
    this.#meter.enter();
    let jump: Jump;
    for (const statement of statements) {
      this.#meter.step();
      this.#evaluator.line = statement.line;
      jump = this.#execute(statement, scope, output);
      if (jump) break;
    }
    this.#meter.leave();
    return jump;
  }

  #execute(statement: Statement, scope: Scope, output: Output): Jump {
    const evaluator = this.#evaluator;
    switch (statement.kind) {
      case 'text':
        output.print(statement.text);
        return undefined;
      case 'print':
        output.print(pythonStr(this.#meter, evaluator.evaluate(statement.expression, scope)));
        return undefined;
      case 'if': {
        const branch = statement.branches.find(([test]) => truthy(evaluator.evaluate(test, scope)));
        return this.#run(branch ? branch[1] : statement.otherwise, scope, output);
      }
      case 'for':
        return this.#loop(statement, evaluator.evaluate(statement.iterable, scope), scope, output, 0);
      case 'break':
      case 'continue':
        return statement.kind;
      case 'set':
        this.#assign(statement.target, evaluator.evaluate(statement.value, scope), scope);
        return undefined;
      case 'capture':
        return this.#capture(statement, scope, output);
      case 'with':
        return this.#with(statement, scope, output);
      case 'macro':
        scope.set(statement.macro.name as string, this.#macro(statement.macro, scope));
        return undefined;
      case 'call':
        output.print(printed(evaluator.call(statement.call, scope, this.#macro(statement.caller, scope))));
        return undefined;
      default:
        return statement satisfies never;
    }
  }

  #assign(target: Target, value: Value, scope: Scope): void {
    if (target.kind === 'name') scope.set(target.name, value);
    else if (target.kind === 'attribute') {
      const namespace = scope.get(target.namespace);
      if (!(namespace instanceof Namespace))
        throw new TemplateError(`"${target.namespace}" is no namespace; only its attributes can be set`);
      this.#meter.hold(64);
      namespace.attributes.set(target.name, value);
    } else {
      const values = elementsOf(this.#meter, value);
      if (values.length !== target.items.length) {
        throw new TemplateError(`${values.length} values cannot be taken apart as ${target.items.length}`);
      }
      target.items.forEach((item, i) => {
        this.#assign(item, at(values, i), scope);
      });
    }
  }

  #capture(statement: Statement & { kind: 'capture' }, scope: Scope, output: Output): Jump {
    const captured = new Captured(this.#meter);
    const inner = this.#scope(statement.body, scope);
    const jump = this.#run(statement.body, inner, captured);
    if (jump) return jump;
    const filtered = statement.filters.reduce<Value>(
      (value, filter) => this.#evaluator.apply(filter, value, inner),
      captured.text,
    );
    if (statement.target) this.#assign(statement.target, filtered, scope);
    else output.print(printed(filtered));
    return undefined;
  }

  #with({ values, body }: Statement & { kind: 'with' }, scope: Scope, output: Output): Jump {
    const inner = this.#scope(body, scope);
    for (const [target, value] of values) this.#assign(target, this.#evaluator.evaluate(value, scope), inner);
    return this.#run(body, inner, output);
  }

  /** The elements that a loop's condition lets through, asked when they are needed. */
  *#filtered(target: Target, test: Expression, iterable: Value, scope: Scope): Generator<Value, void> {
    for (const element of iterate(this.#meter, iterable)) {
      const inner = new Scope(scope);
      this.#assign(target, element, inner);
      if (truthy(this.#evaluator.evaluate(test, inner))) yield element;
    }
  }

  #loop(
    statement: Statement & { kind: 'for' },
    iterable: Value,
    scope: Scope,
    output: Output,
    depth: number,
  ): undefined {
    const { target, test, body, otherwise, recursive } = statement;
    const elements = test ? new Lazy(this.#filtered(target, test, iterable, scope)) : iterable;
    const recurse = (inner: Value, deeper: number): Value => {
      const captured = new Captured(this.#meter);
      this.#loop(statement, inner, scope, captured, deeper);
      return captured.text;
    };
    const loop = new Loop(this.#meter, elements, depth, recursive ? recurse : undefined);
    let completed = false;
    for (let element = loop.next(); element !== undefined; element = loop.next()) {
      const inner = this.#scope(body, scope);
      inner.set('loop', loop);
      this.#assign(target, element, inner);
      const jump = this.#run(body, inner, output);
      if (jump === 'break') break;
      completed ||= jump === undefined;
    }
    // Jinja2 runs this also after a loop none of whose turns came to its end.
    if (!completed) this.#run(otherwise, this.#scope(otherwise, scope), output);
    return undefined;
  }

  #macro(macro: Macro, scope: Scope): Callable {
    const { name, parameters, uses } = macro;
    return {
      text: name === undefined ? '<Macro anonymous>' : `<Macro '${name}'>`,
      attributes: (attribute) => {
        if (attribute === 'name') return name ?? none;
        if (attribute === 'arguments') return new Tuple(parameters.map(([parameter]) => parameter));
        if (attribute === 'catch_kwargs') return uses.has('kwargs');
        if (attribute === 'catch_varargs') return uses.has('varargs');
        return attribute === 'caller' ? uses.has('caller') : undefined;
      },
      call: (args) => this.#invoke(macro, args, scope),
    };
  }

  #invoke({ name, parameters, uses, body }: Macro, { positional, named }: Args, scope: Scope): Value {
    const inner = this.#scope(body, scope);
    const shown = name === undefined ? 'the caller' : `the macro "${name}"`;
    const left = new Map(named);
    parameters.forEach(([parameter, fallback], i) => {
      const given = positional[i] ?? left.get(parameter);
      if (i >= positional.length) left.delete(parameter);
      if (given !== undefined) inner.set(parameter, given);
      else if (fallback) inner.set(parameter, this.#evaluator.evaluate(fallback, inner));
      else inner.set(parameter, new Undefined(`the parameter "${parameter}" was not provided`));
    });
    if (uses.has('caller')) {
      inner.set('caller', left.get('caller') ?? new Undefined('no caller is defined'));
      left.delete('caller');
    }
    const [unknown] = left.keys();
    if (uses.has('kwargs')) inner.set('kwargs', Dict.from(this.#meter, left));
    else if (unknown !== undefined) throw new TemplateError(`${shown} takes no argument "${unknown}"`);
    if (uses.has('varargs')) inner.set('varargs', new Tuple(positional.slice(parameters.length)));
    else if (positional.length > parameters.length) {
      throw new TemplateError(`${shown} takes ${parameters.length} arguments at most`);
    }
    const captured = new Captured(this.#meter);
    this.#run(body, inner, captured);
    return captured.text;
  }
}
