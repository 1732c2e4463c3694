import type * as z from 'zod';
import type { AnyOption } from './option-spec.ts';

/** The texts that a schema names as its values; none where it names none. */
function choicesOf(schema: z.core.$ZodType): readonly string[] {
  // Zod says of each kind of schema what it has; these are the kinds that options are made of.
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'enum':
      return Object.values(def.entries).map(String);
    case 'lazy':
      return choicesOf(def.getter());
    case 'optional':
      return choicesOf(def.innerType);
    case 'pipe':
      return [...choicesOf(def.in), ...choicesOf(def.out)];
    case 'union':
      return def.options.flatMap(choicesOf);
    default:
      return [];
  }
}

/** The kind of an option's value: one of some texts, a model, a file, a folder, or none that a shell could offer. */
export type ValueKind =
  | { readonly kind: 'choices'; readonly choices: readonly string[] }
  | { readonly kind: 'model' | 'file' | 'folder' | 'other' };

/** The kind of the value that a flag takes, "--kv-type <type>"; undefined for one without. */
export function valueKind(flags: string, { schema }: Pick<AnyOption, 'schema'>): ValueKind | undefined {
  const [, placeholder] = /[<[](\w+)/.exec(flags) ?? [];
  if (placeholder === undefined) return undefined;
  const choices = choicesOf(schema);
  if (choices.length > 0) return { kind: 'choices', choices };
  if (placeholder === 'model' || placeholder === 'file') return { kind: placeholder };
  return { kind: placeholder === 'dir' ? 'folder' : 'other' };
}
