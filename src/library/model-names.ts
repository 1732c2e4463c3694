import { at } from '../base/at.ts';
/** A model's names: its file's stem, and its own name. */
export interface NamedModel {
  readonly stem: string;
  readonly name: string;
}

/** The end of a stem that names a quantization: "-Q4_K_M", ".IQ2_XS", "-UD-Q3_K_XL", "_f16". */
const quantization = /[-._ ]((?:ud-|i1-)?(?:i?q\d+|tq\d+|bf16|f16|f32|fp16|fp32|mxfp4|nvfp4)(?:_[a-z0-9]+)*)$/i;

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

/** A name for each stem, no two the same: where an earlier one has it, the stem itself, in the end with a number. */
export function namesOf(stems: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return stems.map((stem) => {
    const own = plain(stem) || 'model';
    let name = nameOf(stem);
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
  const bases = models.map(({ name }) => at(name.split(':'), 0));
  for (const [i, model] of models.entries()) {
    const base = at(bases, i);
    if (bases.indexOf(base) === bases.lastIndexOf(base)) add(base, model);
  }
  return aliases;
}

/** The parts of Ollama's full names that stand before a model's own: "registry.ollama.ai/library/". */
const registry = /^(?:registry\.ollama\.ai\/)?(?:library\/)?/;

/**
 * The model with a name, in either case, with or without ":latest", Ollama's registry or ".gguf". The part before the
 * tag is enough if only one has it.
 */
export function lookUp<T>(aliases: ReadonlyMap<string, T>, name: string): T | undefined {
  const wanted = name
    .toLowerCase()
    .replace(registry, '')
    .replace(/\.gguf$/, '');
  return aliases.get(wanted) ?? aliases.get(`${wanted}:latest`) ?? aliases.get(wanted.replace(/:latest$/, ''));
}
