import { triggered, untilText } from './free-text.ts';
import { parseGbnf } from './gbnf.ts';
import { grammarError } from './grammar-error.ts';
import { anyObject } from './json-text.ts';
import { choice, concat, type GrammarNode, literal, repeat } from './node.ts';
import { regexTexts } from './regex.ts';
import { schemaValues } from './schema/schema.ts';

/**
 * Texts that an answer may be, as plain data.
 *
 * @example const yesOrNo: GrammarSource = { kind: 'gbnf', text: 'root ::= "yes" | "no"' };
 */
export type GrammarSource =
  /** A grammar in llama.cpp's notation; its rule `root` has the texts. */
  | { readonly kind: 'gbnf'; readonly text: string }
  /** JSON values of a schema (draft 2020-12). */
  | { readonly kind: 'schema'; readonly schema: unknown }
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
    };

/** The longest text to wait for: each of its begins has rules of its own. */
const longestTrigger = 64;

/** The grammar of a source. Throws BAD_GRAMMAR. */
export function grammarOf(source: GrammarSource): GrammarNode {
  switch (source.kind) {
    case 'gbnf':
      return parseGbnf(source.text);
    case 'schema':
      return schemaValues(source.schema);
    case 'json':
      return anyObject;
    case 'regex':
      return regexTexts(source.pattern);
    case 'text':
      return literal(source.text);
    case 'sequence':
      return concat(...source.items.map(grammarOf));
    case 'choice':
      return choice(...source.items.map(grammarOf));
    case 'repeat':
      return repeat(grammarOf(source.item), source.min, source.max);
    case 'until':
      return untilText(checkedTriggers(source.ends));
    case 'triggered':
      return triggered(checkedTriggers(source.triggers), grammarOf(source.after), source.again ?? false);
    default:
      return source satisfies never;
  }
}

function checkedTriggers(triggers: readonly string[]): readonly string[] {
  const wrong = triggers.find((trigger) => trigger === '' || trigger.length > longestTrigger);
  if (triggers.length > 0 && wrong === undefined) return triggers;
  throw grammarError('root', `a text to wait for has 1 to ${longestTrigger} characters`);
}
