import type { Application, Arguments, Expression } from './ast.ts';
import { attributeOf, itemOf, sliceOf } from './attributes.ts';
import { TemplateError } from './errors.ts';
import type { Run } from './filter.ts';
import { filters } from './filters.ts';
import { elementsOf, truthy } from './iterate.ts';
import type { RenderMeter } from './meter.ts';
import { binary, compare, negative, positive } from './operators.ts';
import { pythonStr } from './print.ts';
import type { Scope } from './scope.ts';
import { tests } from './tests.ts';
import { type Args, Dict, isCallable, isString, plain, Tuple, typeName, Undefined, type Value } from './values.ts';

/** Evaluates expressions. */
export class Evaluator implements Run {
  readonly meter: RenderMeter;
  /** The line that is being evaluated, for errors. */
  line = 1;

  constructor(meter: RenderMeter) {
    this.meter = meter;
  }

  evaluate(expression: Expression, scope: Scope): Value {
    this.meter.step();
    if (expression.kind === 'constant') return expression.value;
    if (expression.kind === 'name') {
      return scope.get(expression.name) ?? new Undefined(`"${expression.name}" is undefined`);
    }
    this.meter.enter();
    const value = this.#evaluateDeep(expression, scope);
    this.meter.leave();
    return value;
  }

  #evaluateDeep(expression: Exclude<Expression, { kind: 'constant' | 'name' }>, scope: Scope): Value {
    const { meter } = this;
    switch (expression.kind) {
      case 'attribute':
        return attributeOf(meter, this.evaluate(expression.object, scope), expression.name);
      case 'item': {
        const object = this.evaluate(expression.object, scope);
        return itemOf(meter, object, this.evaluate(expression.key, scope));
      }
      case 'slice': {
        const object = this.evaluate(expression.object, scope);
        return sliceOf(
          meter,
          object,
          expression.bounds.map((bound) => bound && this.evaluate(bound, scope)),
        );
      }
      case 'list':
        return this.#all(expression.items, scope);
      case 'tuple':
        return new Tuple(this.#all(expression.items, scope));
      case 'dict': {
        const dict = new Dict();
        for (const [key, value] of expression.entries) {
          dict.set(meter, this.evaluate(key, scope), this.evaluate(value, scope));
        }
        return dict;
      }
      case 'concat':
        return this.#concat(expression.items, scope);
      case 'call':
        return this.call(expression, scope);
      case 'filter':
        return this.apply(expression.filter, this.evaluate(expression.input, scope), scope);
      case 'test': {
        const { name, args, line } = expression.test;
        const input = this.evaluate(expression.input, scope);
        const given = this.args(args, scope);
        this.line = line;
        return this.test(name, input, given);
      }
      case 'not':
        return !truthy(this.evaluate(expression.operand, scope));
      case 'negative':
        return negative(this.evaluate(expression.operand, scope));
      case 'positive':
        return positive(this.evaluate(expression.operand, scope));
      case 'and': {
        const left = this.evaluate(expression.left, scope);
        return truthy(left) ? this.evaluate(expression.right, scope) : left;
      }
      case 'or': {
        const left = this.evaluate(expression.left, scope);
        return truthy(left) ? left : this.evaluate(expression.right, scope);
      }
      case 'binary': {
        const left = this.evaluate(expression.left, scope);
        return binary(meter, expression.operator, left, this.evaluate(expression.right, scope));
      }
      case 'compare': {
        let left = this.evaluate(expression.first, scope);
        for (const [operator, operand] of expression.rest) {
          const right = this.evaluate(operand, scope);
          if (!compare(meter, operator, left, right)) return false;
          left = right;
        }
        return true;
      }
      case 'conditional': {
        const { test, then, otherwise } = expression;
        if (truthy(this.evaluate(test, scope))) return this.evaluate(then, scope);
        return otherwise ? this.evaluate(otherwise, scope) : new Undefined('a condition was false and has no "else"');
      }
      default:
        return expression satisfies never;
    }
  }

  #all(expressions: readonly Expression[], scope: Scope): Value[] {
    this.meter.hold(64 + 16 * expressions.length);
    return expressions.map((expression) => this.evaluate(expression, scope));
  }

  #concat(expressions: readonly Expression[], scope: Scope): string {
    let text = '';
    for (const expression of expressions) {
      const part = pythonStr(this.meter, this.evaluate(expression, scope));
      // Only the shorter one is new: the longer one is kept as it is.
      this.meter.text(Math.min(text.length, part.length));
      text += part;
    }
    return text;
  }

  /** The values of arguments. */
  args({ positional, named, list, dict }: Arguments, scope: Scope): Args {
    const values = positional.map((expression) => this.evaluate(expression, scope));
    const byName = new Map(named.map(([name, expression]) => [name, this.evaluate(expression, scope)]));
    if (list) values.push(...elementsOf(this.meter, this.evaluate(list, scope)));
    if (dict) {
      const more = this.evaluate(dict, scope);
      if (!(more instanceof Dict)) throw new TemplateError(`a ${typeName(more)} after "**" is no dict`);
      for (const [key, value] of more.entries()) {
        if (!isString(key)) throw new TemplateError('the names of arguments are texts');
        if (byName.has(plain(key))) throw new TemplateError(`two arguments are named ${plain(key)}`);
        byName.set(plain(key), value);
      }
    }
    return { positional: values, named: byName };
  }

  /** A call, with its block as `caller`, if it has one. */
  call({ callee, args, line }: Expression & { kind: 'call' }, scope: Scope, caller?: Value): Value {
    const called = this.evaluate(callee, scope);
    const given = this.args(args, scope);
    this.line = line;
    if (called instanceof Undefined) return called.fail();
    if (!isCallable(called)) throw new TemplateError(`a ${typeName(called)} cannot be called`);
    return called.call(
      caller === undefined ? given : { ...given, named: new Map([...given.named, ['caller', caller]]) },
    );
  }

  /** A filter with its arguments. */
  apply({ name, args, line }: Application, value: Value, scope: Scope): Value {
    const given = this.args(args, scope);
    this.line = line;
    return this.filter(name, value, given);
  }

  filter(name: string, value: Value, args: Args): Value {
    this.meter.step();
    const filter = filters.get(name);
    if (!filter) throw new TemplateError(`there is no filter "${name}"`);
    return filter(this, value, args);
  }

  test(name: string, value: Value, args: Args): boolean {
    this.meter.step();
    const test = tests.get(name);
    if (!test) throw new TemplateError(`there is no test "${name}"`);
    return test(this, value, args);
  }
}
