import { equal } from './compare.ts';
import { TemplateError } from './errors.ts';
import { iterate, lengthOfValue } from './iterate.ts';
import type { RenderMeter } from './meter.ts';
import { type Args, type Callable, Tuple, Undefined, type Value } from './values.ts';

/** The variable `loop`: the position of a `for`, and the elements beside the present one. */
export class Loop implements Callable {
  readonly #meter: RenderMeter;
  readonly #elements: Iterator<Value, void>;
  readonly #depth: number;
  readonly #recurse: ((iterable: Value, depth: number) => Value) | undefined;
  #size: number | undefined;
  #index = -1;
  #before: Value | undefined;
  #present: Value | undefined;
  /** Elements that were looked at before their turn. */
  readonly #ahead: Value[] = [];
  #changed: Value | undefined;

  constructor(meter: RenderMeter, iterable: Value, depth: number, recurse?: (iterable: Value, depth: number) => Value) {
    this.#meter = meter;
    this.#elements = iterate(meter, iterable);
    this.#size = lengthOfValue(meter, iterable);
    this.#depth = depth;
    this.#recurse = recurse;
  }

  get text(): string {
    return `<LoopContext ${this.#index + 1}/${this.#length()}>`;
  }

  /** The next element, which becomes the present one; undefined after the last one. */
  next(): Value | undefined {
    const element = this.#ahead.shift() ?? this.#pull();
    if (element === undefined) return undefined;
    this.#index += 1;
    this.#before = this.#present;
    this.#present = element;
    return element;
  }

  #pull(): Value | undefined {
    const { done, value } = this.#elements.next();
    return done ? undefined : (value as Value);
  }

  #peek(): Value | undefined {
    if (this.#ahead.length === 0) {
      const element = this.#pull();
      if (element !== undefined) this.#ahead.push(element);
    }
    return this.#ahead[0];
  }

  #length(): number {
    if (this.#size !== undefined) return this.#size;
    for (let element = this.#pull(); element !== undefined; element = this.#pull()) {
      this.#meter.hold(16);
      this.#ahead.push(element);
    }
    this.#size = this.#index + 1 + this.#ahead.length;
    return this.#size;
  }

  attributes(name: string): Value | undefined {
    switch (name) {
      case 'index':
        return this.#index + 1;
      case 'index0':
        return this.#index;
      case 'first':
        return this.#index === 0;
      case 'last':
        return this.#peek() === undefined;
      case 'length':
        return this.#length();
      case 'revindex':
        return this.#length() - this.#index;
      case 'revindex0':
        return this.#length() - this.#index - 1;
      case 'depth':
        return this.#depth + 1;
      case 'depth0':
        return this.#depth;
      case 'previtem':
        return this.#before ?? new Undefined('there is no previous item');
      case 'nextitem':
        return this.#peek() ?? new Undefined('there is no next item');
      case 'cycle':
        return { call: ({ positional }) => this.#cycle(positional) };
      case 'changed':
        return { call: ({ positional }) => this.#hasChanged(positional) };
      default:
        return undefined;
    }
  }

  #cycle(values: readonly Value[]): Value {
    const value = values[this.#index % values.length];
    if (value === undefined) throw new TemplateError('there is nothing to cycle through');
    return value;
  }

  #hasChanged(values: readonly Value[]): boolean {
    const now = new Tuple(values);
    if (this.#changed !== undefined && equal(this.#meter, this.#changed, now)) return false;
    this.#changed = now;
    return true;
  }

  /** Calls a recursive loop, which goes on inside itself. */
  call({ positional: [iterable, ...others], named }: Args): Value {
    if (!this.#recurse) throw new TemplateError('only a loop that is marked "recursive" can be called');
    if (iterable === undefined || others.length > 0 || named.size > 0)
      throw new TemplateError('loop(…) takes one iterable');
    return this.#recurse(iterable, this.#depth + 1);
  }
}
