import type { Statement } from './ast.ts';
import { LimitError, TemplateError } from './errors.ts';
import { globalsFor } from './globals.ts';
import { Interpreter } from './interpreter.ts';
import { type Limits, RenderMeter } from './meter.ts';
import { parse } from './parser.ts';
import { Scope } from './scope.ts';
import { Dict, Float, none, type Value } from './values.ts';
import { findUnset, type Unset } from './variables.ts';

export interface RenderSettings {
  readonly limits: Limits;
  /** The time of `strftime_now`. */
  readonly now?: Date;
}

/**
 * A template in Jinja2 as Hugging Face's `apply_chat_template` sets it up: `trim_blocks`, `lstrip_blocks`, an immutable
 * sandbox, `break` and `continue`, `raise_exception`, `strftime_now` and its own `tojson`. It prints what Jinja2 prints
 * or is refused.
 *
 * @example
 * const limits = { steps: 1e6, output: 1e5, memory: 1e7 };
 * new Template('{{ who | title }}!').render({ who: 'ada' }, { limits }); // "Ada!"
 */
export class Template {
  readonly #body: readonly Statement[];
  readonly #unset: Unset;

  /**
   * Parses `source`. Throws TemplateError with the line if it is no template, or uses something that is not supported.
   */
  constructor(source: string) {
    this.#body = parse(source);
    this.#unset = findUnset(this.#body);
  }

  /**
   * The text with these variables, whose values JSON can hold. Throws TemplateError for errors that the template raises
   * or makes, and LimitError at a limit.
   */
  render(variables: Readonly<Record<string, unknown>>, { limits, now = new Date() }: RenderSettings): string {
    const meter = new RenderMeter(limits);
    const interpreter = new Interpreter(meter, this.#unset);
    const given = Object.entries(variables)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]): [string, Value] => [name, toValue(meter, value)]);
    try {
      return interpreter.render(this.#body, new Scope(new Scope(undefined, globalsFor(meter, now)), given));
    } catch (error) {
      // The stack can be shorter than usual, if the caller has used most of it.
      if (error instanceof RangeError) throw new LimitError('depth', 'it nests calls or values too deep');
      if (error instanceof LimitError || !(error instanceof TemplateError)) throw error;
      throw new TemplateError(error.message, interpreter.line);
    }
  }
}

/** JSON's values as Python reads them. */
function toValue(meter: RenderMeter, value: unknown): Value {
  if (value === null) return none;
  if (typeof value === 'boolean' || typeof value === 'string') return value;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? value + 0 : new Float(value);
  if (typeof value !== 'object') throw new TemplateError(`a ${typeof value} cannot be a variable`);
  meter.enter();
  const made = Array.isArray(value)
    ? value.map((item) => toValue(meter, item ?? null))
    : Dict.from(
        meter,
        Object.entries(value)
          .filter(([, inner]) => inner !== undefined)
          .map(([key, inner]) => [key, toValue(meter, inner)]),
      );
  meter.leave();
  return made;
}
