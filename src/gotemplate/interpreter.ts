import { at } from '../base/at.ts';
import { TemplateError } from '../jinja/errors.ts';
import type { RenderMeter } from '../jinja/meter.ts';
import type { Branch, Node, Operand, Parsed, Pipeline } from './ast.ts';
import { functions, type GoFunction } from './functions.ts';
import { GoFields, type GoValue, isTrue, List, printed } from './values.ts';

/** Variables, the latest last: a branch drops its own at its end. */
type Variables = [name: string, value: GoValue][];

interface Frame {
  readonly dot: GoValue;
  readonly variables: Variables;
}

/** The end of a body: its last node, or one that leaves it. */
type Leave = 'break' | 'continue' | undefined;

/** Computes templates in Go's notation, within limits. */
export class GoInterpreter {
  readonly #parsed: Parsed;
  readonly #functions: Readonly<Record<string, GoFunction>>;
  readonly #meter: RenderMeter;
  #line = 1;
  #output = '';

  constructor(parsed: Parsed, more: Readonly<Record<string, GoFunction>>, meter: RenderMeter) {
    this.#parsed = parsed;
    this.#functions = { ...functions, ...more };
    this.#meter = meter;
  }

  /** The line of the action that was computed last. */
  get line(): number {
    return this.#line;
  }

  /** The text of the template for `dot`. Throws TemplateError, LimitError. */
  render(dot: GoValue): string {
    this.#body(this.#parsed.body, { dot, variables: [['$', dot]] });
    return this.#output;
  }

  #print(text: string): void {
    this.#meter.print(text.length);
    this.#output += text;
  }

  #body(nodes: readonly Node[], frame: Frame): Leave {
    const { length } = frame.variables;
    let leave: Leave;
    for (const node of nodes) {
      leave = this.#node(node, frame);
      if (leave) break;
    }
    frame.variables.length = length;
    return leave;
  }

  #node(node: Node, frame: Frame): Leave {
    this.#meter.step();
    switch (node.kind) {
      case 'text':
        this.#print(node.text);
        return undefined;
      case 'action': {
        const value = this.#pipeline(node.pipeline, frame);
        if (node.pipeline.variables.length === 0) this.#print(printed(value, this.#meter));
        return undefined;
      }
      case 'break':
      case 'continue':
        return node.kind;
      case 'template':
        return this.#template(node, frame);
      default:
        return this.#branch(node, frame);
    }
  }

  #template({ name, pipeline, line }: Extract<Node, { kind: 'template' }>, frame: Frame): Leave {
    const body = this.#parsed.defined.get(name);
    if (!body) throw new TemplateError(`there is no template "${name}"`, line);
    const dot = pipeline && this.#pipeline(pipeline, frame);
    this.#meter.enter();
    this.#body(body, { dot, variables: [['$', dot]] });
    this.#meter.leave();
    return undefined;
  }

  #branch(node: Branch, frame: Frame): Leave {
    const { variables } = frame;
    const { length } = variables;
    this.#meter.enter();
    const leave = this.#chosen(node, frame);
    this.#meter.leave();
    variables.length = length;
    return leave;
  }

  #chosen(node: Branch, frame: Frame): Leave {
    const value = this.#pipeline(node.pipeline, frame, node.kind === 'range');
    if (node.kind === 'range') return this.#range(node, frame, value);
    if (!isTrue(value)) return this.#body(node.otherwise, frame);
    return this.#body(node.body, node.kind === 'with' ? { ...frame, dot: value } : frame);
  }

  #range({ pipeline, body, otherwise }: Branch, frame: Frame, value: GoValue): Leave {
    const elements = this.#elements(value);
    if (elements.length === 0) return this.#body(otherwise, frame);
    const { variables, declares } = pipeline;
    for (const [key, element] of elements) {
      const { length } = frame.variables;
      // One variable has the element, two have the index, too.
      const taken = variables.length === 1 ? [element] : [key, element];
      for (const [i, name] of variables.entries()) this.#set(frame, { name, value: taken[i], declares });
      const leave = this.#body(body, { ...frame, dot: element });
      frame.variables.length = length;
      this.#meter.step();
      if (leave === 'break') break;
    }
    return undefined;
  }

  #elements(value: GoValue): readonly (readonly [GoValue, GoValue])[] {
    if (value === undefined) return [];
    if (value instanceof List) return value.items.map((item, i) => [i, item]);
    if (value instanceof GoFields && value.kind === 'map') return [...value.entries];
    if (typeof value === 'number') {
      this.#meter.elements(value);
      return Array.from({ length: value }, (_, i) => [i, i]);
    }
    throw new TemplateError('range wants a list or a map', this.#line);
  }

  #pipeline(pipeline: Pipeline, frame: Frame, isRange: boolean = false): GoValue {
    this.#line = pipeline.line;
    let value: GoValue;
    for (const [i, command] of pipeline.commands.entries())
      value = this.#command(command, frame, i === 0 ? [] : [value]);
    if (!isRange) {
      for (const name of pipeline.variables) this.#set(frame, { name, value, declares: pipeline.declares });
    }
    return value;
  }

  #set(frame: Frame, { name, value, declares }: { name: string; value: GoValue; declares: boolean }): void {
    if (declares) {
      frame.variables.push([name, value]);
      return;
    }
    this.#variable(frame, name)[1] = value;
  }

  #variable({ variables }: Frame, name: string): [name: string, value: GoValue] {
    this.#meter.step(1 + variables.length / 8);
    const found = variables.findLast(([one]) => one === name);
    if (!found) throw new TemplateError(`there is no variable ${name}`, this.#line);
    return found;
  }

  /** A command; `last` is the result of the one before it, if there is one. */
  #command(operands: readonly Operand[], frame: Frame, last: readonly GoValue[]): GoValue {
    const [first, ...others] = [at(operands, 0), ...operands.slice(1)];
    if (first.kind === 'function') return this.#call(first.name, others, frame, last);
    if (others.length > 0 || last.length > 0)
      throw new TemplateError('a value that is no function has arguments', this.#line);
    return this.#operand(first, frame);
  }

  #call(name: string, operands: readonly Operand[], frame: Frame, last: readonly GoValue[]): GoValue {
    this.#meter.step();
    if (name === 'and' || name === 'or') {
      let value: GoValue;
      // The first that decides is the result, and those behind it are not computed.
      for (const operand of operands) {
        value = this.#operand(operand, frame);
        if (isTrue(value) === (name === 'or')) return value;
      }
      return last.length > 0 ? last[0] : value;
    }
    const called = Object.hasOwn(this.#functions, name) ? this.#functions[name] : undefined;
    if (!called) throw new TemplateError(`there is no function "${name}"`, this.#line);
    return called([...operands.map((operand) => this.#operand(operand, frame)), ...last], this.#meter);
  }

  #operand(operand: Operand, frame: Frame): GoValue {
    this.#meter.step();
    switch (operand.kind) {
      case 'constant':
        return operand.value;
      case 'dot':
        return frame.dot;
      case 'variable':
        return this.#variable(frame, operand.name)[1];
      case 'function':
        return this.#call(operand.name, [], frame, []);
      case 'pipeline': {
        this.#meter.enter();
        const value = this.#pipeline(operand.pipeline, frame);
        this.#meter.leave();
        return value;
      }
      default:
        return this.#field(this.#operand(operand.of, frame), operand.name);
    }
  }

  #field(value: GoValue, name: string): GoValue {
    if (!(value instanceof GoFields))
      throw new TemplateError(
        `there is no field .${name} of ${typeof value === 'object' ? 'a list' : 'this value'}`,
        this.#line,
      );
    if (value.kind === 'struct' && !value.entries.has(name))
      throw new TemplateError(`there is no field .${name}`, this.#line);
    return value.entries.get(name);
  }
}
