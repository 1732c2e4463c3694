import { begunWith, triggered, untilText } from './free-text.ts';
import { parseGbnf } from './gbnf.ts';
import { grammarError } from './grammar-error.ts';
import { choice, concat, type GrammarNode, literal, type Rule, repeat } from './node.ts';
import { json } from './notation.ts';
import { regexTexts } from './regex.ts';
import { SchemaWork } from './schema/document.ts';
import { type ArgumentNotation, schemaArguments, schemaValues } from './schema/schema.ts';

/**
 * Texts that an answer may be, as plain data.
 *
 * @example const yesOrNo: GrammarSource = { kind: 'gbnf', text: 'root ::= "yes" | "no"' };
 */
export type GrammarSource =
  /** A grammar in llama.cpp's notation; its rule `root` has the texts. */
  | { readonly kind: 'gbnf'; readonly text: string }
  /** JSON values of a schema (draft 2020-12); if `relaxed`, of what can be enforced of it. */
  | { readonly kind: 'schema'; readonly schema: unknown; readonly relaxed?: boolean | undefined }
  /** Arguments of a call that obey a schema, as some models write them. */
  | {
      readonly kind: 'arguments';
      readonly schema: unknown;
      readonly notation: ArgumentNotation;
      readonly relaxed?: boolean | undefined;
    }
  /** Any JSON object. */
  | { readonly kind: 'json' }
  /** Texts that match a regular expression of JavaScript as a whole. */
  | { readonly kind: 'regex'; readonly pattern: string }
  /** This text. */
  | { readonly kind: 'text'; readonly text: string }
  /** All of these, one after the other. */
  | { readonly kind: 'sequence'; readonly items: readonly GrammarSource[] }
  /** One of these. */
  | { readonly kind: 'choice'; readonly items: readonly GrammarSource[] }
  /** The item, from `min` to `max` times; without `max`, any number of times. */
  | { readonly kind: 'repeat'; readonly item: GrammarSource; readonly min: number; readonly max?: number | undefined }
  /** Any text up to the first time that it ends with one of `ends`, which is part of it. */
  | { readonly kind: 'until'; readonly ends: readonly string[] }
  /** Any text, but behind each of `triggers` only `after`: a lazy grammar. Any text follows that if it may come `again`. */
  | {
      readonly kind: 'triggered';
      readonly triggers: readonly string[];
      readonly after: GrammarSource;
      readonly again?: boolean | undefined;
    }
  /** Any text, but one that begins with the `start` of a branch goes on with its `after` and then with `rest`. */
  | {
      readonly kind: 'begun';
      readonly branches: readonly { readonly start: string; readonly after: GrammarSource }[];
      readonly rest: GrammarSource;
    };

export const textSource = (text: string): GrammarSource => ({ kind: 'text', text });
export const sequenceOf = (...items: readonly GrammarSource[]): GrammarSource => ({ kind: 'sequence', items });
export const choiceOf = (...items: readonly GrammarSource[]): GrammarSource => ({ kind: 'choice', items });
/** The item, up to `max` times. */
export const upTo = (max: number, item: GrammarSource): GrammarSource => ({ kind: 'repeat', item, min: 0, max });
export const untilAny = (...ends: readonly string[]): GrammarSource => ({ kind: 'until', ends });

/** The longest text to wait for: each of its begins has rules of its own. */
const longestTrigger = 64;

/** The grammar of a source. Throws BAD_GRAMMAR. */
export const grammarOf = (source: GrammarSource): GrammarNode => new SourceReader().node(source);

class SourceReader {
  /** Rules of sources, since tools have many parameters that are alike. */
  readonly #rules: Map<string, Rule> = new Map();
  readonly #work = new SchemaWork();

  node(source: GrammarSource): GrammarNode {
    switch (source.kind) {
      case 'gbnf':
        return parseGbnf(source.text);
      case 'schema':
        return this.#rule(source, () => schemaValues(source.schema, { relaxed: source.relaxed, work: this.#work }));
      case 'arguments':
        return this.#rule(source, () =>
          schemaArguments(source.schema, source.notation, { relaxed: source.relaxed, work: this.#work }),
        );
      case 'json':
        return json.anyObject;
      case 'regex':
        return regexTexts(source.pattern);
      case 'text':
        return literal(source.text);
      case 'sequence':
        return concat(...this.#nodes(source.items));
      case 'choice':
        return choice(...this.#nodes(source.items));
      case 'repeat':
        return repeat(this.node(source.item), source.min, source.max);
      case 'until':
        return this.#rule(source, () => untilText(checkedTriggers(source.ends)));
      case 'triggered':
        return triggered(checkedTriggers(source.triggers), this.node(source.after), source.again ?? false);
      case 'begun': {
        // A rule, since many ways lead to it.
        const rest: Rule = { kind: 'rule', name: 'rest', body: this.node(source.rest) };
        return begunWith(source.branches.map(({ start, after }) => ({ start, after: concat(this.node(after), rest) })));
      }
      default:
        return source satisfies never;
    }
  }

  #nodes(sources: readonly GrammarSource[]): readonly GrammarNode[] {
    return sources.map((source) => this.node(source));
  }

  #rule(source: GrammarSource, body: () => GrammarNode): Rule {
    const key = JSON.stringify(source);
    const rule = this.#rules.get(key) ?? { kind: 'rule', name: source.kind, body: body() };
    this.#rules.set(key, rule);
    return rule;
  }
}

function checkedTriggers(triggers: readonly string[]): readonly string[] {
  const wrong = triggers.find((trigger) => trigger === '' || trigger.length > longestTrigger);
  if (triggers.length > 0 && wrong === undefined) return triggers;
  throw grammarError('root', `a text to wait for has 1 to ${longestTrigger} characters`);
}
