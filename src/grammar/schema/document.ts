import { attempt } from '../../base/attempt.ts';
import { grammarError } from '../grammar-error.ts';
import {
  enforceable,
  isObject,
  longestName,
  type PlacedSchema,
  type SchemaObject,
  schemasOf,
  under,
} from './keywords.ts';
import { merge } from './merge.ts';

/** References that lead to references, or to schemas that consist of others. */
const longestChain = 100;
/** Levels of JSON within each other. */
const deepest = 512;
/** Units of work, some microseconds at most: references can make a schema far larger than its text. */
const mostWork = 2 ** 16;
const charactersPerWork = 64;

/** The work that schemas of one grammar take, all together: they are compiled at once, and nobody else is answered then. */
export class SchemaWork {
  #spent = 0;

  add(units: number): void {
    this.#spent += units;
  }

  /** True if there has been too much. */
  get isSpent(): boolean {
    return this.#spent > mostWork;
  }
}

interface DocumentOptions {
  readonly relaxed?: boolean | undefined;
  /** The work so far; default: none. */
  readonly work?: SchemaWork | undefined;
}

/** A whole schema: the schemas that it refers to. Its compilation counts as work. */
export class SchemaDocument {
  readonly root: PlacedSchema;
  /** True if what cannot be enforced is left out, so that the schema has more values. */
  readonly relaxed: boolean;
  /** Schemas as `flat` gives them. */
  readonly #flat: WeakMap<object, unknown> = new WeakMap();
  #anchors: ReadonlyMap<string, SchemaObject> | undefined;
  readonly #work: SchemaWork;

  constructor(schema: unknown, { relaxed = false, work = new SchemaWork() }: DocumentOptions = {}) {
    this.root = { schema, place: '#' };
    this.relaxed = relaxed;
    this.#work = work;
  }

  /** Counts work: that for a schema, or for a text. Throws BAD_GRAMMAR where it is too much in all. */
  readonly spend = (place: string, of: number | string = 1): void => {
    this.#work.add(typeof of === 'number' ? of : 1 + of.length / charactersPerWork);
    if (!this.isSpent) return;
    throw grammarError(place, 'the schema becomes too large here: what it refers to is repeated too often');
  };

  /** True if there has been too much work. */
  get isSpent(): boolean {
    return this.#work.isSpent;
  }

  /** Throws BAD_GRAMMAR for what cannot be enforced, unless that is left out. */
  readonly refuse = (place: string, reason: string): void => {
    if (!this.relaxed) throw grammarError(place, reason);
  };

  /** The schema that a reference means, within the whole. Throws BAD_GRAMMAR. */
  resolve({ schema, place }: PlacedSchema): PlacedSchema {
    let found: PlacedSchema = { schema, place };
    for (let i = 0; i <= longestChain; i += 1) {
      if (!isObject(found.schema) || found.schema.$ref === undefined) return found;
      this.spend(place);
      found = this.#target(found.schema.$ref, under(found.place, '$ref'));
    }
    throw grammarError(under(place, '$ref'), 'references lead nowhere');
  }

  /** The schema without references and `allOf` at its top. Throws BAD_GRAMMAR. */
  flat({ schema, place }: PlacedSchema, depth = 0): unknown {
    if (typeof schema === 'boolean') return schema;
    if (!isObject(schema)) throw grammarError(place, 'expected a schema');
    if (depth > longestChain) throw grammarError(place, 'references lead nowhere');
    const known = this.#flat.get(schema);
    this.spend(place, known === undefined ? 1 : 1 / 8);
    if (known !== undefined) return known;
    const flat = this.#flatten({ schema, place }, schema, depth);
    this.#flat.set(schema, flat);
    return flat;
  }

  /** A part of a schema as `flat` gives it; any value where a relaxed one cannot be had. Throws BAD_GRAMMAR. */
  flatPart(part: PlacedSchema, depth = 0): unknown {
    return this.#tried<unknown>(() => this.flat(part, depth), true);
  }

  #flatten({ schema, place }: PlacedSchema, { $ref, allOf, ...rest }: SchemaObject, depth: number): unknown {
    const own = enforceable(rest, place, this.refuse);
    if ($ref === undefined && allOf === undefined) return own === rest ? schema : own;
    const referred = $ref === undefined ? [] : this.#tried(() => [this.resolve({ schema: { $ref }, place })], []);
    const parts = allOf === undefined ? [] : this.#tried(() => schemasOf(allOf, under(place, 'allOf')), []);
    return [...referred, ...parts].reduce<unknown>((merged, part) => {
      this.spend(place, sizeOf(merged));
      return merge(merged, this.flatPart(part, depth + 1), part.place, this);
    }, own);
  }

  #tried<T>(work: () => T, otherwise: T): T {
    return this.relaxed ? (attempt(work) ?? otherwise) : work();
  }

  #target(reference: unknown, place: string): PlacedSchema {
    if (typeof reference !== 'string') throw grammarError(place, 'expected a text');
    if (!reference.startsWith('#')) throw grammarError(place, `${reference} is not within this schema`);
    if (reference !== '#' && !reference.startsWith('#/')) {
      this.#anchors ??= anchorsOf(this.root.schema);
      const anchored = this.#anchors.get(reference.slice(1));
      if (!anchored) throw grammarError(place, `nothing in the schema has the anchor ${reference}`);
      return { schema: anchored, place: reference };
    }
    let found = this.root.schema;
    for (const part of decoded(reference, place).split('/').slice(1)) {
      const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
      const isThere = typeof found === 'object' && found !== null && Object.hasOwn(found, name);
      if (!isThere) throw grammarError(place, `the schema has no ${reference}`);
      found = (found as Record<string, unknown>)[name];
    }
    return { schema: found, place: reference };
  }
}

/** Throws BAD_GRAMMAR for a schema that is too deep, or has names that are too long. */
export function checkNesting(value: unknown, depth = 0): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > deepest) throw grammarError('#', `there are more than ${deepest} levels of JSON within each other`);
  for (const [name, inner] of Object.entries(value)) {
    if (name.length > longestName) {
      throw grammarError('#', `the name ${name.slice(0, 20)}... is longer than ${longestName} characters`);
    }
    checkNesting(inner, depth + 1);
  }
}

/** Units of work for copying a schema's keywords, of which some are lists. */
function sizeOf(schema: unknown): number {
  if (!isObject(schema)) return 0;
  const parts = Object.values(schema).map((value) =>
    typeof value === 'object' ? Object.keys(Object(value)).length : 1,
  );
  return parts.reduce((sum, size) => sum + size, 0) / 2;
}

function decoded(reference: string, place: string): string {
  try {
    return decodeURIComponent(reference);
  } catch {
    throw grammarError(place, `${reference} is no reference`);
  }
}

/** The schemas with an anchor, by its name; the first where several have the same. */
function anchorsOf(root: unknown): ReadonlyMap<string, SchemaObject> {
  const found = new Map<string, SchemaObject>();
  const search = (schema: unknown): void => {
    if (typeof schema !== 'object' || schema === null) return;
    if (isObject(schema) && typeof schema.$anchor === 'string' && !found.has(schema.$anchor)) {
      found.set(schema.$anchor, schema);
    }
    Object.values(schema).forEach(search);
  };
  search(root);
  return found;
}
