import { at } from '../base/at.ts';
/** A model's names: its file's stem, its own name, and its repository, if it has one. */
export interface NamedModel {
  readonly stem: string;
  readonly name: string;
  readonly repository?: string | undefined;
}

/** The end of a stem that names a quantization: "-Q4_K_M", ".IQ2_XS", "-UD-Q3_K_XL", "_f16". */
const quantization = /[-._ ]((?:ud-|i1-)?(?:i?q\d+|tq\d+|bf16|f16|f32|fp16|fp32|mxfp4|nvfp4)(?:_[a-z0-9]+)*)$/i;

/** The quantization that a stem ends with, as it is written there: "Qwen3-8B-Q4_K_M" -> "Q4_K_M". */
export const quantizationInName = (stem: string): string | undefined => quantization.exec(stem)?.[1];

/** A stem in lower case, of letters, digits, dots, dashes and underscores. */
const plain = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}._-]+/gu, '-')
    .replace(/^[-._]+|[-._]+$/g, '');

/** The name for a stem: "Qwen3-8B-Q4_K_M" -> "qwen3-8b:q4_k_m", "notes" -> "notes:latest". */
function nameOf(stem: string): string {
  const [suffix = '', tag = 'latest'] = quantization.exec(stem) ?? [];
  const base = plain(stem.slice(0, stem.length - suffix.length));
  return base === '' ? `${plain(stem) || 'model'}:latest` : `${base}:${tag.toLowerCase()}`;
}

/** The name for a stem, of letters of ASCII. */
export const nameForStem = (stem: string): string => nameOf(stem.replace(/[^\x20-\x7e]+/g, '-'));

/**
 * A name for each model, its own or one for its stem, no two the same: where an earlier one has it, the stem itself, in the
 * end with a number.
 */
export function namesOf(
  models: readonly { readonly stem: string; readonly name?: string | undefined }[],
): readonly string[] {
  const taken = new Set<string>();
  return models.map(({ stem, name: given }) => {
    const own = plain(stem) || 'model';
    let name = given?.toLowerCase() ?? nameOf(stem);
    for (let n = 1; taken.has(name); n += 1) name = n === 1 ? own : `${own}-${n}`;
    taken.add(name);
    return name;
  });
}

/** The models by every name they go by, in lower case; if two share a name, the first has it. */
export function aliasesOf<T extends NamedModel>(models: readonly T[]): ReadonlyMap<string, T> {
  const aliases = new Map<string, T>();
  const add = (alias: string, model: T): void => {
    if (!aliases.has(alias)) aliases.set(alias, model);
  };
  for (const model of models) add(model.name, model);
  for (const model of models) add(model.stem.toLowerCase(), model);
  addBases(models, ({ name }) => name, add);
  const inRepository = ({ repository, name }: T): string | undefined =>
    repository && `${repository}:${at(name.split(':').slice(-1), 0)}`.toLowerCase();
  for (const model of models) {
    const name = inRepository(model);
    if (name !== undefined) add(name, model);
  }
  addBases(models, inRepository, add);
  return aliases;
}

/** Adds names without their tags, where only one model has that. */
function addBases<T>(
  models: readonly T[],
  nameOf: (model: T) => string | undefined,
  add: (alias: string, model: T) => void,
): void {
  const bases = models.map((model) => nameOf(model)?.split(':')[0]);
  for (const [i, model] of models.entries()) {
    const base = bases[i];
    if (base !== undefined && bases.indexOf(base) === bases.lastIndexOf(base)) add(base, model);
  }
}

/** Places that full names may begin with: "registry.ollama.ai/library/", "https://huggingface.co/". */
const registry = /^(?:https?:\/\/)?(?:registry\.ollama\.ai\/|hf\.co\/|huggingface\.co\/)?(?:library\/)?/;

/**
 * The model with a name, in either case, with or without ":latest", Ollama's registry or ".gguf". The part before the
 * tag is enough if only one has it.
 */
export function lookUp<T>(aliases: ReadonlyMap<string, T>, name: string): T | undefined {
  const wanted = name
    .toLowerCase()
    .replace(registry, '')
    .replace(/\.gguf$/, '');
  const given = name.toLowerCase();
  return (
    aliases.get(given) ??
    aliases.get(wanted) ??
    aliases.get(`${wanted}:latest`) ??
    aliases.get(wanted.replace(/:latest$/, ''))
  );
}
