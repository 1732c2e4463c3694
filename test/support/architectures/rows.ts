import { dense } from './dense.ts';
import { encoders } from './encoders.ts';
import { mixtures } from './mixtures.ts';
import { type Recipe, type Sizes, type StateKind, sizesOf } from './recipe.ts';
import { recurrent } from './recurrent.ts';
import { refused } from './refused.ts';

/** A small model that plain `llama_decode` runs. */
export interface ArchitectureRow {
  /** The architecture's, or with what makes this one different: "llama with experts". */
  readonly name: string;
  /** Libllama's name. */
  readonly architecture: string;
  readonly experts: boolean;
  readonly state: StateKind;
}

const recipes: Readonly<Record<string, Recipe>> = { ...dense, ...mixtures, ...recurrent };

/** The recipe of a row. Throws for a name without one. */
export function recipeOf(name: string): Recipe {
  const recipe = recipes[name] ?? encoders[name] ?? refused[name];
  if (!recipe) throw new Error(`there is no recipe for ${name}`);
  return recipe;
}

/** The sizes of a row's model, unless they are changed. */
export const usualSizesOf = (name: string): Sizes => sizesOf(recipeOf(name));

/** Every small model that plain `llama_decode` runs. */
export const architectures: readonly ArchitectureRow[] = Object.entries(recipes).map(([name, recipe]) => ({
  name,
  architecture: recipe.architecture ?? name,
  experts: recipe.experts ?? false,
  state: recipe.state ?? 'keys and values',
}));
