import { grammarError } from './grammar-error.ts';
import type { GrammarNode, Rule } from './node.ts';

/** The most rules of a grammar: what is said of each is found from that of others, turn by turn. */
const mostRules = 5000;

/** All rules of a grammar, each once. Throws BAD_GRAMMAR. */
function rulesOf(grammar: GrammarNode): readonly Rule[] {
  const found = new Set<Rule>();
  const collect = (expression: GrammarNode): void => {
    switch (expression.kind) {
      case 'sequence':
      case 'choice':
        expression.items.forEach(collect);
        break;
      case 'repeat':
        collect(expression.item);
        break;
      case 'rule':
        found.add(expression);
        break;
      default:
    }
  };
  collect(grammar);
  // The set grows while it is read.
  for (const { body } of found) {
    if (found.size > mostRules) throw grammarError('root', `it has more than ${mostRules} rules`);
    if (body) collect(body);
  }
  return [...found];
}

/** The rules that have a property which `of` finds in a rule's body from that of other rules: the smallest such set. */
function rulesWith(rules: readonly Rule[], of: (body: GrammarNode, has: ReadonlySet<Rule>) => boolean): Set<Rule> {
  const has = new Set<Rule>();
  // Rules mostly refer to those behind them.
  const order = rules.toReversed();
  for (let size = -1; size < has.size; ) {
    size = has.size;
    for (const rule of order) if (!has.has(rule) && rule.body && of(rule.body, has)) has.add(rule);
  }
  return has;
}

/** Has the expression a text at all, if the rules `has` have? */
function hasTexts(expression: GrammarNode, has: ReadonlySet<Rule>): boolean {
  switch (expression.kind) {
    case 'text':
    case 'token':
    case 'control':
      return true;
    case 'characters':
      return expression.ranges.length > 0;
    case 'sequence':
      return expression.items.every((item) => hasTexts(item, has));
    case 'choice':
      return expression.items.some((item) => hasTexts(item, has));
    case 'repeat':
      return expression.min === 0 || hasTexts(expression.item, has);
    case 'rule':
      return has.has(expression);
    default:
      return expression satisfies never;
  }
}

/** May the expression be the empty text, if the rules `may` may? */
function mayBeEmpty(expression: GrammarNode, may: ReadonlySet<Rule>): boolean {
  switch (expression.kind) {
    case 'text':
      return expression.text === '';
    case 'token':
    case 'control':
    case 'characters':
      return false;
    case 'sequence':
      return expression.items.every((item) => mayBeEmpty(item, may));
    case 'choice':
      return expression.items.some((item) => mayBeEmpty(item, may));
    case 'repeat':
      return expression.min === 0 || mayBeEmpty(expression.item, may);
    case 'rule':
      return may.has(expression);
    default:
      return expression satisfies never;
  }
}

/** The rules of a grammar, and tests of its parts. */
export interface GrammarFacts {
  readonly rules: readonly Rule[];
  /** Can it be written to an end? */
  readonly isProductive: (node: GrammarNode) => boolean;
  /** May it be the empty text? */
  readonly isEmpty: (node: GrammarNode) => boolean;
}

/** Throws BAD_GRAMMAR for too many rules. */
export function factsOf(grammar: GrammarNode): GrammarFacts {
  const rules = rulesOf(grammar);
  const productive = rulesWith(rules, hasTexts);
  const empty = rulesWith(rules, mayBeEmpty);
  return {
    rules,
    isProductive: (node) => hasTexts(node, productive),
    isEmpty: (node) => mayBeEmpty(node, empty),
  };
}

/** Throws BAD_GRAMMAR for a rule that begins with itself: it would be entered for ever. */
export function checkLeftRecursion({ rules, isEmpty }: GrammarFacts): void {
  const left = (expression: GrammarNode): readonly Rule[] => {
    switch (expression.kind) {
      case 'sequence': {
        const solid = expression.items.findIndex((item) => !isEmpty(item));
        return expression.items.slice(0, solid < 0 ? undefined : solid + 1).flatMap(left);
      }
      case 'choice':
        return expression.items.flatMap(left);
      case 'repeat':
        return left(expression.item);
      case 'rule':
        return [expression];
      default:
        return [];
    }
  };
  // A rule is free of it once all rules that it begins with are. Rules that are left begin with one another.
  const begins = new Map(rules.map((rule) => [rule, new Set(rule.body ? left(rule.body) : [])]));
  const beginners = new Map<Rule, Rule[]>(rules.map((rule) => [rule, []]));
  for (const [rule, firsts] of begins) for (const first of firsts) beginners.get(first)?.push(rule);
  const free = rules.filter((rule) => begins.get(rule)?.size === 0);
  for (const rule of free) {
    for (const beginner of beginners.get(rule) ?? []) {
      const firsts = begins.get(beginner);
      firsts?.delete(rule);
      if (firsts?.size === 0) free.push(beginner);
    }
  }
  if (free.length === rules.length) return;
  const isFree = new Set(free);
  const passed = new Set<Rule>();
  let recursive = rules.find((rule) => !isFree.has(rule));
  while (recursive && !passed.has(recursive)) {
    passed.add(recursive);
    [recursive] = begins.get(recursive) ?? [];
  }
  throw grammarError(`rule ${recursive?.name}`, 'it begins with itself (left recursion)');
}
