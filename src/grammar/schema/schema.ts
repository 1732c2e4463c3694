import { attempt } from '../../base/attempt.ts';
import { EngineError } from '../../base/errors.ts';
import { grammarError } from '../grammar-error.ts';
import { blank, bracketed, comma, listed } from '../json-text.ts';
import { choice, concat, type GrammarNode, isNever, literal, oneOfTexts, type Rule, repeat } from '../node.ts';
import { bareKeys, constant, json, type Notation, python, textUntil } from '../notation.ts';
import { exclude } from './alternatives.ts';
import { checkNesting, SchemaDocument, type SchemaWork } from './document.ts';
import { countOf, isObject, type PlacedSchema, type SchemaObject, schemasOf, typesOf, under } from './keywords.ts';
import { merge } from './merge.ts';
import { argumentsNode, objectNode } from './objects.ts';
import { numberNode, stringNode } from './scalars.ts';
import { canonical, ValueTests } from './values.ts';
import { widened } from './widened.ts';

/** Schemas within schemas. */
const deepest = 100;
/** The longest place of a schema: schemas that are referred to keep theirs. */
const longestPlace = 4096;

/** Keywords that say nothing of values. */
const remarks: ReadonlySet<string> = new Set(
  '$schema $id $anchor $comment $defs definitions title description default examples example deprecated readOnly writeOnly discriminator contentMediaType contentEncoding'.split(
    ' ',
  ),
);

/**
 * The grammar of the JSON values of a schema (draft 2020-12): each of its texts is a value of the schema, with properties
 * in the schema's order. Throws BAD_GRAMMAR with the place, a JSON pointer, where it is not valid or cannot be enforced.
 */
export const schemaValues = (schema: unknown, rigor: Rigor = {}): GrammarNode =>
  new SchemaCompiler(schema, json, rigor).whole();

interface Rigor {
  /** True: what is not valid or cannot be enforced is left out, as little as possible, and nothing is refused. */
  readonly relaxed?: boolean | undefined;
  /** True: each schema in it has to have a value, but for false, and alternatives. */
  readonly inhabited?: boolean | undefined;
  /** The work of other schemas of the same grammar; default: none. */
  readonly work?: SchemaWork | undefined;
}

/**
 * Notations of a call's arguments: Python's; an object with keys as they are and strings between `quote`; or one string as
 * it is, up to one of `ends`, of which the first is written behind strings that have bounds.
 *
 * @example const notation: ArgumentNotation = 'python';
 */
export type ArgumentNotation =
  | 'python'
  | { readonly quote: string }
  | { readonly ends: readonly [string, ...string[]] };

/** The grammar of a call's arguments, which are the properties of a schema. Throws BAD_GRAMMAR. */
export function schemaArguments(schema: unknown, notation: ArgumentNotation, rigor: Rigor = {}): GrammarNode {
  if (notation === 'python') return new SchemaCompiler(schema, python, rigor).arguments();
  const signs = 'quote' in notation ? bareKeys(notation.quote) : textUntil(notation.ends);
  return new SchemaCompiler(schema, signs, rigor).whole();
}

class SchemaCompiler {
  readonly #document: SchemaDocument;
  readonly #values: ValueTests;
  readonly #notation: Notation;
  /** Rules of schemas that are referred to, by the schema; and of references with keywords beside them, by the place. */
  readonly #rules: Map<unknown, Rule> = new Map();
  readonly #inhabited: boolean;
  /** The first schema without a value that should have some. */
  #empty: string | undefined;
  #depth = 0;

  constructor(root: unknown, notation: Notation, { relaxed = false, inhabited = false, work }: Rigor) {
    const isSound = !relaxed || attempt(() => checkNesting(root) ?? true) === true;
    if (!relaxed) checkNesting(root);
    this.#document = new SchemaDocument(isSound ? root : { type: 'object' }, { relaxed, work });
    this.#values = new ValueTests(this.#document);
    this.#notation = notation;
    this.#inhabited = inhabited;
  }

  whole(): GrammarNode {
    const { root, relaxed } = this.#document;
    const node = this.node(root);
    if (!relaxed && isNever(node)) throw noValue(this.#empty ?? root.place);
    return node;
  }

  /** The properties of the schema as arguments. */
  arguments(): GrammarNode {
    const made = (placed: PlacedSchema): GrammarNode => {
      const flat = this.#document.flat(placed);
      return isObject(flat) ? argumentsNode(flat, '#', this.#objectParts) : literal('');
    };
    return this.#document.relaxed ? this.#nearest(this.#document.root, made) : made(this.#document.root);
  }

  get #objectParts(): Parameters<typeof objectNode>[2] {
    return { notation: this.#notation, nodeOf: (placed) => this.node(placed), spend: this.#document.spend };
  }

  node(placed: PlacedSchema, mayBeNever: boolean = placed.schema === false): GrammarNode {
    this.#depth += 1;
    const node = this.#document.relaxed
      ? this.#nearest(placed, (one) => this.#checked(one), mayBeNever)
      : this.#checked(placed);
    this.#depth -= 1;
    if (!mayBeNever && isNever(node)) {
      if (this.#inhabited) throw noValue(placed.place);
      this.#empty ??= placed.place;
    }
    return node;
  }

  #checked(placed: PlacedSchema): GrammarNode {
    if (this.#depth > deepest)
      throw grammarError(placed.place, `there are more than ${deepest} schemas within each other`);
    if (placed.place.length > longestPlace)
      throw grammarError('#', `a place in it has more than ${longestPlace} characters`);
    this.#document.spend(placed.place, placed.place);
    return this.#node(placed);
  }

  /** The grammar of the schema, or of the next wider one that `make` can make one of. */
  #nearest(
    { schema, place }: PlacedSchema,
    make: (placed: PlacedSchema) => GrammarNode,
    mayBeNever = false,
  ): GrammarNode {
    const { anyObject, anyValue } = this.#notation;
    const anyOf = (one: unknown): GrammarNode => (isObject(one) && one['type'] === 'object' ? anyObject : anyValue);
    let left = schema;
    for (;;) {
      if (this.#document.isSpent) return anyOf(left);
      let refused: string | undefined;
      try {
        const node = make({ schema: left, place });
        if (mayBeNever || !isNever(node)) return node;
      } catch (error) {
        if (!(error instanceof EngineError) || error.code !== 'BAD_GRAMMAR') throw error;
        refused = (error as EngineError<'BAD_GRAMMAR'>).details.place;
      }
      const flat = left === schema ? (attempt(() => this.#document.flat({ schema, place })) ?? schema) : left;
      const wider = widened(flat, place, refused);
      if (wider === undefined) return anyOf(flat);
      left = wider;
    }
  }

  #node({ schema, place }: PlacedSchema): GrammarNode {
    if (isObject(schema) && schema.$ref !== undefined) return this.#reference({ schema, place }, schema);
    const flat = this.#document.flat({ schema, place });
    if (flat === false) return choice();
    if (!isObject(flat) || !saysSomething(flat)) return this.#notation.anyValue;
    for (const keyword of ['anyOf', 'oneOf'] as const) {
      if (flat[keyword] !== undefined) return this.#alternatives(flat, keyword, place);
    }
    if (flat.const !== undefined || flat.enum !== undefined) return this.#listed(flat, place);
    return this.#typed(flat, place);
  }

  /** A rule, since a schema may refer to itself. */
  #reference({ schema, place }: PlacedSchema, { $ref, ...beside }: SchemaObject): GrammarNode {
    const isAlone = !saysSomething(beside);
    const target = isAlone
      ? this.#document.resolve({ schema: { $ref }, place })
      : { schema: this.#document.flat({ schema, place }), place };
    const key = isAlone && isObject(target.schema) ? target.schema : place;
    const known = this.#rules.get(key);
    if (known) return known;
    const rule: Rule = { kind: 'rule', name: target.place, body: undefined };
    this.#rules.set(key, rule);
    const depth = this.#depth;
    rule.body = this.node(target);
    this.#depth = depth;
    return rule;
  }

  #alternatives(schema: SchemaObject, keyword: 'anyOf' | 'oneOf', place: string): GrammarNode {
    const { [keyword]: alternatives, ...base } = schema;
    const placed = schemasOf(alternatives, under(place, keyword)).map((one) => ({
      place: one.place,
      schema: saysSomething(base) ? merge(base, this.#document.flatPart(one), one.place, this.#document) : one.schema,
    }));
    if (keyword === 'oneOf') this.#checkExclusive(placed, under(place, keyword));
    // An alternative without texts is none.
    return choice(...placed.map((one) => this.node(one, true)));
  }

  /** Throws BAD_GRAMMAR where a value may be one of two alternatives, of which exactly one has to hold. */
  #checkExclusive(alternatives: readonly PlacedSchema[], place: string): void {
    const flat = (schema: unknown): unknown => this.#document.flat({ schema, place });
    alternatives.forEach((one, i) => {
      this.#document.spend(place, alternatives.length - i - 1);
      const same = alternatives.slice(i + 1).find((other) => !exclude(one.schema, other.schema, flat));
      if (!same) return;
      throw grammarError(place, `a value may be that of ${one.place} and ${same.place} at once; anyOf can be enforced`);
    });
  }

  /** The values of `const` and `enum`, as far as the other keywords allow them. */
  #listed(schema: SchemaObject, place: string): GrammarNode {
    const { const: only, enum: some = [only], ...rest } = schema;
    if (!Array.isArray(some)) throw grammarError(under(place, 'enum'), 'expected a list');
    const isOnly = (value: unknown): boolean => only === undefined || canonical(value) === canonical(only);
    const values = some.filter((value: unknown) => isOnly(value) && this.#values.holds({ schema: rest, place }, value));
    const nodes = values.map((value: unknown) => {
      this.#document.spend(place, canonical(value));
      return constant(value, this.#notation);
    });
    const texts = nodes.flatMap((node) => (node.kind === 'text' ? [node.text] : []));
    return choice(oneOfTexts([...new Set(texts)]), ...nodes.filter(({ kind }) => kind !== 'text'));
  }

  #typed(schema: SchemaObject, place: string): GrammarNode {
    const types = typesOf(schema, place);
    const { constants } = this.#notation;
    const nodes = types.map((type) => {
      switch (type) {
        case 'object':
          return objectNode(schema, place, this.#objectParts);
        case 'array':
          return this.#array(schema, place);
        case 'string':
          if (typeof schema.pattern === 'string') this.#document.spend(place, schema.pattern.length);
          return stringNode(schema, place, this.#notation);
        case 'number':
          return numberNode(schema, place, false);
        case 'integer':
          return types.includes('number') ? choice() : numberNode(schema, place, true);
        case 'boolean':
          return choice(literal(constants.true), literal(constants.false));
        case 'null':
          return literal(constants.null);
        default:
          return type satisfies never;
      }
    });
    return choice(...nodes);
  }

  #array(schema: SchemaObject, place: string): GrammarNode {
    const { prefixItems, items = true, additionalItems = true } = schema;
    // Before 2020 a list of schemas stood in `items`.
    const [first, firstName, rest, restName] = Array.isArray(items)
      ? ([items, 'items', additionalItems, 'additionalItems'] as const)
      : ([prefixItems ?? [], 'prefixItems', items, 'items'] as const);
    const prefix = (first as readonly unknown[]).length === 0 ? [] : schemasOf(first, under(place, firstName));
    const [min, max] = [
      countOf(schema, 'minItems', place) ?? 0,
      countOf(schema, 'maxItems', place) ?? Number.POSITIVE_INFINITY,
    ];
    if (max < min) return choice();
    const item = this.node({ schema: rest, place: under(place, restName) });
    if (prefix.length === 0) return bracketed('[', max === 0 ? literal('') : listed(item, min, max), ']');
    const before = prefix.slice(0, max).map((placed) => this.node(placed));
    const more = Math.max(0, max - before.length);
    let tail: GrammarNode = repeat(concat(comma, item), Math.max(0, min - before.length), more);
    for (const [i, node] of [...before.entries()].reverse()) {
      const all = concat(...(i > 0 ? [comma] : []), node, tail);
      // A rule, so that long lists are no deep grammars.
      tail = { kind: 'rule', name: 'items', body: i >= min ? choice(all, literal('')) : all };
    }
    return bracketed('[', concat(tail, blank), ']');
  }
}

const noValue = (place: string): EngineError => grammarError(place, 'no value is possible');

const saysSomething = (schema: SchemaObject): boolean => Object.keys(schema).some((name) => !remarks.has(name));
