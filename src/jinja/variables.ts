import type { Expression, Macro, Statement, Target } from './ast.ts';

type Body = readonly Statement[];

/** Variables that are undefined in a block until they are set, by the block that they belong to. */
export type Unset = ReadonlyMap<Body, readonly string[]>;

/** A block's variables: those that it reads first, gets from outside, or sets first. */
class Names {
  readonly #outer: Names | undefined;
  readonly #known = new Map<string, 'read' | 'given' | 'set'>();
  readonly #stored = new Set<string>();

  constructor(outer: Names | undefined) {
    this.#outer = outer;
  }

  #has(name: string): boolean {
    return this.#known.has(name) || this.#isOutside(name);
  }

  #isOutside(name: string): boolean {
    for (let names = this.#outer; names; names = names.#outer) if (names.#known.has(name)) return true;
    return false;
  }

  read(name: string): void {
    if (!this.#has(name)) this.#known.set(name, 'read');
  }

  give(name: string): void {
    this.#known.set(name, 'given');
  }

  set(name: string): void {
    this.#stored.add(name);
    if (!this.#known.has(name)) this.#known.set(name, this.#isOutside(name) ? 'read' : 'set');
  }

  /** A copy for one branch of several. */
  copy(): Names {
    const copy = new Names(this.#outer);
    for (const [name, kind] of this.#known) copy.#known.set(name, kind);
    for (const name of this.#stored) copy.#stored.add(name);
    return copy;
  }

  /** Joins the branches; variables that not all of them set are read from outside. */
  join(branches: readonly Names[]): void {
    const before = new Set(this.#stored);
    for (const branch of branches) {
      for (const [name, kind] of branch.#known) this.#known.set(name, kind);
      for (const name of branch.#stored) this.#stored.add(name);
    }
    for (const name of this.#stored) {
      if (before.has(name) || branches.every((branch) => branch.#stored.has(name))) continue;
      this.#known.set(name, 'read');
    }
  }

  get unset(): string[] {
    return [...this.#known].filter(([, kind]) => kind === 'set').map(([name]) => name);
  }
}

/**
 * Finds the variables that are undefined in their block until they are set. Jinja2 decides for each block at once which
 * variables are its own: one that it sets, but had not read before, is undefined until then for the blocks inside, even
 * if it is a variable of the template.
 */
export function findUnset(template: Body): Unset {
  const unset = new Map<Body, readonly string[]>();
  block(template, undefined, () => undefined, unset);
  return unset;
}

/** A block, and then the blocks in it. `begin` declares the names that it is given. */
function block(
  body: Body,
  outer: Names | undefined,
  begin: (names: Names) => void,
  unset: Map<Body, readonly string[]>,
): void {
  const names = new Names(outer);
  begin(names);
  const inner: (() => void)[] = [];
  statements(body, names, (child, declare) => inner.push(() => block(child, names, declare, unset)));
  if (names.unset.length > 0) unset.set(body, names.unset);
  for (const visit of inner) visit();
}

type Later = (child: Body, declare: (names: Names) => void) => void;

function statements(body: Body, names: Names, later: Later): void {
  for (const statement of body) {
    switch (statement.kind) {
      case 'print':
        read(statement.expression, names);
        break;
      case 'if':
        conditions(statement, names, later);
        break;
      case 'for':
        read(statement.iterable, names);
        later(statement.body, (own) => {
          own.give('loop');
          give(statement.target, own);
        });
        later(statement.otherwise, () => undefined);
        break;
      case 'set':
        read(statement.value, names);
        store(statement.target, names);
        break;
      case 'capture':
        if (statement.target) store(statement.target, names);
        else for (const { args } of statement.filters) read(args, names);
        later(statement.body, () => undefined);
        break;
      case 'with':
        for (const [, value] of statement.values) read(value, names);
        later(statement.body, (own) => {
          for (const [target] of statement.values) give(target, own);
        });
        break;
      case 'macro':
        names.set(statement.macro.name as string);
        later(statement.macro.body, (own) => signature(statement.macro, own));
        break;
      case 'call':
        read(statement.call, names);
        later(statement.caller.body, (own) => signature(statement.caller, own));
        break;
      default:
        break;
    }
  }
}

function conditions({ branches, otherwise }: Statement & { kind: 'if' }, names: Names, later: Later): void {
  const [[test, body], ...others] = branches as [(typeof branches)[0], ...typeof branches];
  read(test, names);
  const [first, middle, last] = [names.copy(), names.copy(), names.copy()];
  statements(body, first, later);
  for (const [condition, inner] of others) {
    // Jinja2 takes each of them for an "if" of its own, without an "else".
    read(condition, middle);
    const [branch, nothing] = [middle.copy(), middle.copy()];
    statements(inner, branch, later);
    middle.join([branch, nothing]);
  }
  statements(otherwise, last, later);
  names.join([first, middle, last]);
}

function signature({ parameters, uses }: Macro, own: Names): void {
  for (const [name] of parameters) own.give(name);
  for (const name of uses) own.give(name);
  for (const [, fallback] of parameters) if (fallback) read(fallback, own);
}

function give(target: Target, names: Names): void {
  if (target.kind === 'name') names.give(target.name);
  else if (target.kind === 'tuple') for (const item of target.items) give(item, names);
}

function store(target: Target, names: Names): void {
  if (target.kind === 'name') names.set(target.name);
  else if (target.kind === 'attribute') names.read(target.namespace);
  else for (const item of target.items) store(item, names);
}

/** All variables of an expression, however deep it is. */
function read(expression: Expression | object, names: Names): void {
  const waiting: unknown[] = [expression];
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    if (typeof part !== 'object' || part === null) continue;
    const { kind, name } = part as { kind?: unknown; name?: unknown };
    if (kind === 'name') names.read(name as string);
    else if (kind !== 'constant') for (const child of Object.values(part)) if (child !== undefined) waiting.push(child);
  }
}
