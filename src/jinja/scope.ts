import type { Value } from './values.ts';

/** Variables, and those of the scopes around them. */
export class Scope {
  readonly #outer: Scope | undefined;
  readonly #values: Map<string, Value>;

  constructor(outer?: Scope, values: Iterable<readonly [string, Value]> = []) {
    this.#outer = outer;
    this.#values = new Map(values);
  }

  get(name: string): Value | undefined {
    for (let scope: Scope | undefined = this; scope; scope = scope.#outer) {
      const value = scope.#values.get(name);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }
}
