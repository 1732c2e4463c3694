import type { Tool } from '../message.ts';
import { argumentSchemas } from './argument-schemas.ts';

/** Tools by name, as readers of calls ask for them. */
export class ToolSet {
  readonly #tools: ReadonlyMap<string, Tool>;
  /** Length of the longest name, in UTF-16 units. */
  readonly longestName: number;

  constructor(tools: readonly Tool[]) {
    this.#tools = new Map(tools.map((tool) => [tool.name, tool]));
    this.longestName = Math.max(0, ...tools.map(({ name }) => name.length));
  }

  get names(): readonly string[] {
    return [...this.#tools.keys()];
  }

  has(name: string): boolean {
    return this.#tools.has(name);
  }

  /** Schemas of a tool's arguments by name, in their order; empty where none are known. */
  properties(name: string): Readonly<Record<string, unknown>> {
    return argumentSchemas(this.#tools.get(name)?.parameters);
  }
}
