import type { Reading } from '../text-source.ts';
import type { CallOutput } from './call-output.ts';
import { copyJson, readString } from './json-text.ts';

/** Calls as JSON objects, alone or in a list: `{"name": "tide", "arguments": {}}`. */
export interface JsonSyntax {
  readonly kind: 'json';
  /** Key of the name; undefined: each object is `{NAME: ARGUMENTS}`. */
  readonly nameKey?: string;
  readonly argumentsKey?: string;
  readonly idKey?: string;
  /** True where the id stands behind the arguments, which wait for it. */
  readonly idLast?: boolean;
}

/** Names of keys that models confuse. */
const argumentKeys: readonly string[] = ['arguments', 'parameters', 'args'];

/** Reads one call, or a list of them. False where the text is no call, or no further one of a list. */
export function* jsonCalls(output: CallOutput, syntax: JsonSyntax): Reading<boolean> {
  const { source } = output;
  if (!(yield* source.skip('['))) return yield* jsonCall(output, syntax);
  for (let calls = 0; ; calls++) {
    yield* source.space();
    const start = source.position;
    if (!(yield* jsonCall(output, syntax))) {
      source.position = start;
      return calls > 0;
    }
    yield* source.space();
    if (yield* source.skip(',')) continue;
    yield* source.skip(']');
    return true;
  }
}

/** An object whose arguments are handed over as soon as its name is known. */
function* jsonCall(output: CallOutput, syntax: JsonSyntax): Reading<boolean> {
  const call = new WrittenCall(output, syntax);
  const whole = yield* call.object(0);
  const cutOff = !whole && (yield* output.source.peek()) === '';
  return call.end({ whole, cutOff });
}

class WrittenCall {
  readonly #output: CallOutput;
  readonly #syntax: JsonSyntax;
  #name: string | undefined;
  #id: string | undefined;
  #held = '';
  #begun = false;

  constructor(output: CallOutput, syntax: JsonSyntax) {
    this.#output = output;
    this.#syntax = syntax;
  }

  /** Reads the entries of an object. False where it is none, or belongs to no known tool. */
  *object(depth: number): Reading<boolean> {
    const { source } = this.#output;
    if (!(yield* source.skip('{'))) return false;
    for (;;) {
      yield* source.space();
      if (yield* source.skip('}')) return true;
      const key = yield* readString(source);
      yield* source.space();
      if (key === undefined || !(yield* source.skip(':'))) return false;
      yield* source.space();
      if (!(yield* this.#entry(key, depth))) return false;
      yield* source.space();
      yield* source.skip(',');
    }
  }

  *#entry(key: string, depth: number): Reading<boolean> {
    const { source, tools } = this.#output;
    const { nameKey, argumentsKey, idKey } = this.#syntax;
    if (nameKey === undefined) {
      this.#name = key;
      return tools.has(key) && (yield* this.#arguments());
    }
    if (key === nameKey || key === 'name') {
      this.#name ??= yield* readString(source);
      return this.#name !== undefined && tools.has(this.#name);
    }
    if (key === argumentsKey || argumentKeys.includes(key)) return yield* this.#arguments();
    if (key === idKey) {
      yield* copyJson(source, (text) => {
        this.#id = (this.#id ?? '') + text.replaceAll('"', '');
      });
      return true;
    }
    if (key === 'function' && depth === 0 && (yield* source.at('{'))) return yield* this.object(1);
    return yield* copyJson(source, () => {});
  }

  /** The value of the arguments; a string is JSON inside JSON. */
  *#arguments(): Reading<boolean> {
    const { source } = this.#output;
    if (this.#syntax.idLast !== true) this.#begin();
    if ((yield* source.peek()) !== '"') return yield* copyJson(source, (text) => this.#take(text));
    const text = yield* readString(source);
    if (text !== undefined) this.#take(text);
    return text !== undefined;
  }

  #begin(): void {
    if (this.#begun || this.#name === undefined) return;
    this.#begun = true;
    this.#output.begin(this.#name, this.#id);
  }

  #take(text: string): void {
    if (this.#begun) this.#output.argument(text);
    else this.#held += text;
  }

  /** Ends the call. False if it is none: nothing of it was handed over. */
  end({ whole, cutOff }: { readonly whole: boolean; readonly cutOff: boolean }): boolean {
    if (this.#begun) return true;
    if (this.#name === undefined || !this.#output.tools.has(this.#name) || !(whole || cutOff)) return false;
    this.#begin();
    const text = this.#held === '' && whole ? '{}' : this.#held;
    if (text !== '') this.#output.argument(text);
    return true;
  }
}
