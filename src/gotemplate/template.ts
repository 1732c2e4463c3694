import { LimitError, TemplateError } from '../jinja/errors.ts';
import { type Limits, RenderMeter } from '../jinja/meter.ts';
import type { Branch, Node, Operand, Parsed, Pipeline } from './ast.ts';
import type { GoFunction } from './functions.ts';
import { GoInterpreter } from './interpreter.ts';
import { parseGo } from './parser.ts';
import type { GoValue } from './values.ts';

/**
 * A template in the notation of Go's `text/template`, as far as chat templates use it. It prints what Go prints, or is
 * refused.
 *
 * @example
 * const limits = { steps: 1e6, output: 1e5, memory: 1e7 };
 * new GoTemplate('{{ .Who }}!').render(new GoFields('map', [['Who', 'Ada']]), { limits }); // "Ada!"
 */
export class GoTemplate {
  readonly #parsed: Parsed;
  readonly #functions: Readonly<Record<string, GoFunction>>;

  /** Parses `source`; `functions` are more of them by name. Throws TemplateError with the line. */
  constructor(source: string | Parsed, functions: Readonly<Record<string, GoFunction>> = {}) {
    this.#parsed = typeof source === 'string' ? parseGo(source) : source;
    this.#functions = functions;
  }

  /** The text for a value. Throws TemplateError for errors that the template makes, and LimitError at a limit. */
  render(dot: GoValue, { limits }: { readonly limits: Limits }): string {
    const interpreter = new GoInterpreter(this.#parsed, this.#functions, new RenderMeter(limits));
    try {
      return interpreter.render(dot);
    } catch (error) {
      if (error instanceof RangeError) throw new LimitError('depth', 'it nests calls or values too deep');
      if (error instanceof LimitError || !(error instanceof TemplateError)) throw error;
      throw new TemplateError(error.message, interpreter.line);
    }
  }

  /** Names of all fields and variables that it speaks of, in small letters. */
  get names(): ReadonlySet<string> {
    return new Set(this.#operands().flatMap((one) => ('name' in one ? [one.name.toLowerCase()] : [])));
  }

  /** Texts that stand in its actions. */
  get literals(): readonly string[] {
    return this.#operands().flatMap((one) =>
      one.kind === 'constant' && typeof one.value === 'string' ? [one.value] : [],
    );
  }

  #operands(): readonly Operand[] {
    const { body, defined } = this.#parsed;
    return [body, ...defined.values()].flatMap((nodes) => nodes.flatMap(operandsIn));
  }

  /** A template like this one with `nodes` behind it. */
  followedBy(nodes: readonly Node[]): GoTemplate {
    return new GoTemplate({ ...this.#parsed, body: [...this.#parsed.body, ...nodes] }, this.#functions);
  }

  /** The template up to the first action that prints a field, and with that. */
  upTo(field: string): GoTemplate {
    const cut = cutAt(this.#parsed.body, field);
    return new GoTemplate({ ...this.#parsed, body: cut.nodes }, this.#functions);
  }
}

const operandsIn = (node: Node): readonly Operand[] => {
  switch (node.kind) {
    case 'action':
    case 'template':
      return node.pipeline ? operandsOf(node.pipeline) : [];
    case 'if':
    case 'with':
    case 'range':
      return [...operandsOf(node.pipeline), ...[...node.body, ...node.otherwise].flatMap(operandsIn)];
    default:
      return [];
  }
};

const operandsOf = ({ commands }: Pipeline): readonly Operand[] => commands.flat().flatMap(withInner);

function withInner(operand: Operand): readonly Operand[] {
  if (operand.kind === 'field') return [operand, ...withInner(operand.of)];
  return operand.kind === 'pipeline' ? operandsOf(operand.pipeline) : [operand];
}

interface Cut {
  readonly nodes: readonly Node[];
  /** True where the field was found: all behind it is gone. */
  readonly found: boolean;
}

/** Nodes up to the one that prints a field. */
function cutAt(nodes: readonly Node[], field: string): Cut {
  const kept: Node[] = [];
  for (const node of nodes) {
    const cut = cutNode(node, field);
    kept.push(...cut.nodes);
    if (cut.found) return { nodes: kept, found: true };
  }
  return { nodes: kept, found: false };
}

function cutNode(node: Node, field: string): Cut {
  if (node.kind === 'action') {
    const found = operandsOf(node.pipeline).some((one) => one.kind === 'field' && one.name === field);
    return { nodes: [node], found };
  }
  if (node.kind !== 'if' && node.kind !== 'with' && node.kind !== 'range') return { nodes: [node], found: false };
  const body = cutAt(node.body, field);
  const otherwise = body.found ? { nodes: [], found: true } : cutAt(node.otherwise, field);
  const branch: Branch = { ...node, body: body.nodes, otherwise: otherwise.nodes };
  return { nodes: [branch], found: body.found || otherwise.found };
}
