/** Operands of commands: constants, the dot, variables, functions, pipelines in brackets, and fields of all these. */
export type Operand =
  | { readonly kind: 'constant'; readonly value: string | number | boolean | undefined }
  | { readonly kind: 'dot' }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'function'; readonly name: string }
  | { readonly kind: 'pipeline'; readonly pipeline: Pipeline }
  | { readonly kind: 'field'; readonly of: Operand; readonly name: string };

/** Commands, each of which gets the result of the one before as its last argument. */
export interface Pipeline {
  readonly commands: readonly (readonly Operand[])[];
  /** Variables that take the result; of a range, its index and its element. */
  readonly variables: readonly string[];
  /** True where the variables are declared, not assigned. */
  readonly declares: boolean;
  readonly line: number;
}

export interface Branch {
  readonly kind: 'if' | 'with' | 'range';
  readonly pipeline: Pipeline;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly pipeline: Pipeline }
  | Branch
  | { readonly kind: 'break' | 'continue' }
  | {
      readonly kind: 'template';
      readonly name: string;
      readonly pipeline: Pipeline | undefined;
      readonly line: number;
    };

/** The nodes of a template, and those of the templates that it defines, by name. */
export interface Parsed {
  readonly body: readonly Node[];
  readonly defined: ReadonlyMap<string, readonly Node[]>;
}
