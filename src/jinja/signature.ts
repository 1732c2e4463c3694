import { TemplateError } from './errors.ts';
import { type Args, isInt, isString, none, plain, typeName, Undefined, type Value } from './values.ts';

/** The parameters of a function. */
export interface Signature {
  readonly name: string;
  readonly parameters: readonly string[];
  readonly required: number;
  readonly positionalOnly: boolean;
}

/** A signature from "text count?": an optional parameter has a question mark; after "/" nothing is given by name. */
export function signature(name: string, text: string): Signature {
  const words = text.split(' ').filter((word) => word !== '');
  const positionalOnly = words[0] === '/';
  const parameters = positionalOnly ? words.slice(1) : words;
  return {
    name,
    parameters: parameters.map((word) => word.replace('?', '')),
    required: parameters.filter((word) => !word.endsWith('?')).length,
    positionalOnly,
  };
}

/** A value for each parameter, undefined for those left out. Throws TemplateError. */
export function bind({ name, parameters, required, positionalOnly }: Signature, args: Args): (Value | undefined)[] {
  if (args.positional.length > parameters.length) {
    throw new TemplateError(`${name} takes ${parameters.length} arguments at most`);
  }
  const bound: (Value | undefined)[] = [...args.positional];
  for (const [key, value] of args.named) {
    const at = positionalOnly ? -1 : parameters.indexOf(key);
    if (at < 0) throw new TemplateError(`${name} takes no argument "${key}"`);
    if (bound[at] !== undefined) throw new TemplateError(`${name} got its argument "${key}" twice`);
    bound[at] = value;
  }
  for (let i = 0; i < required; i += 1) {
    if (bound[i] === undefined) throw new TemplateError(`${name} needs its argument "${parameters[i]}"`);
  }
  return bound;
}

/** Throws TemplateError if the value is no text. */
export function textArgument(value: Value | undefined, what: string): string {
  if (value !== undefined && isString(value)) return plain(value);
  if (value instanceof Undefined) return value.fail();
  throw new TemplateError(`${what} needs a text, not a ${typeName(value ?? none)}`);
}

/** Throws TemplateError if the value is no int. */
export function intArgument(value: Value | undefined, what: string): number {
  if (value !== undefined && isInt(value)) return Number(value);
  if (value instanceof Undefined) return value.fail();
  throw new TemplateError(`${what} needs an int, not a ${typeName(value ?? none)}`);
}
