import { dense } from './dense.ts';
import { mixtures } from './mixtures.ts';
import { type Recipe, type Sizes, type StateKind, sizesOf } from './recipe.ts';
import { recurrent } from './recurrent.ts';

/** A small model that plain `llama_decode` runs. */
export interface ArchitectureRow {
  /** The architecture's, or with what makes this one different: "llama with experts". */
  readonly name: string;
  /** Libllama's name. */
  readonly architecture: string;
  readonly experts: boolean;
  readonly state: StateKind;
}

export interface UnusableArchitecture {
  readonly architecture: string;
  readonly reason: string;
}

const encoder = 'it makes embeddings of a text, no next token';
const drafter = 'it drafts for another model, with whose states it must be run';

/** Architectures without a model that goes on with a text. */
export const unusable: readonly UnusableArchitecture[] = Object.entries({
  bert: encoder,
  'modern-bert': encoder,
  'nomic-bert': encoder,
  'nomic-bert-moe': encoder,
  'neo-bert': encoder,
  'jina-bert-v2': encoder,
  'jina-bert-v3': encoder,
  eurobert: encoder,
  'gemma-embedding': encoder,
  'llama-embed': encoder,
  t5encoder: encoder,
  t5: 'its decoder needs what an encoder makes of another text',
  clip: 'it sees images; libllama says "CLIP cannot be used as main model"',
  gptj: 'libllama knows its name only, and says "unsupported model architecture"',
  'wavtokenizer-dec': 'it makes sound of codes, no next token',
  eagle3: drafter,
  dflash: drafter,
  'gemma4-assistant': drafter,
  plm: 'libllama ends the process while it makes its graph: "GGML_ASSERT(ggml_nelements(a) == ne0*ne1) failed"',
}).map(([architecture, reason]) => ({ architecture, reason }));

const recipes: Readonly<Record<string, Recipe>> = { ...dense, ...mixtures, ...recurrent };

/** The recipe of a row. Throws for a name without one. */
export function recipeOf(name: string): Recipe {
  const recipe = recipes[name];
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
