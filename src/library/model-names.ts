import { EngineError } from '../base/errors.ts';
import { nameOfStem, plainStem, tagInRepository } from '../stores/model-stem.ts';

/** A model's names: its file's stem, its own name, and its repository, if it has one. */
export interface NamedModel {
  readonly stem: string;
  readonly name: string;
  readonly repository?: string | undefined;
}

/** Models by the names they go by, in lower case: a map for each kind of name, in the order in which they count. */
export type NameIndex<T> = readonly ReadonlyMap<string, readonly T[]>[];

const latest = ':latest';
/** Kinds of names that say all of a model's name, not the part before its tag alone. */
const fullKinds = 3;

/**
 * A name with its tag for each model, its own or one for its stem, no two the same: where an earlier one has it, the stem
 * itself, in the end with a number. A name without a tag means the one tagged latest, so none has that form.
 */
export function namesOf(
  models: readonly { readonly stem: string; readonly name?: string | undefined }[],
): readonly string[] {
  const taken = new Set<string>();
  return models.map(({ stem, name: given }) => {
    const own = plainStem(stem) || 'model';
    let name = given?.toLowerCase() ?? nameOfStem(stem);
    for (let n = 1; taken.has(name); n += 1) name = `${n === 1 ? own : `${own}-${n}`}${latest}`;
    taken.add(name);
    return name;
  });
}

/** The part of a name before its tag, and the tag. A colon before a slash is a port's. */
function divided(name: string): readonly [base: string, tag: string | undefined] {
  const [, base = name, tag] = /^(.*):([^:/]*)$/.exec(name) ?? [];
  return [base, tag];
}

const ofHub = /^(?:hf\.co|huggingface\.co)\//;

/** "hf.co/org/name-gguf" -> itself, "org/name-gguf", "name-gguf", and all of them without "-gguf". */
function endsOf(path: string): readonly string[] {
  const parts = path.split('/');
  const ends = parts.map((_, i) => parts.slice(i).join('/'));
  return [...ends, ...ends.map((end) => end.replace(/-gguf$/, ''))];
}

/** A model's spellings by their kinds. */
function spellingsOf({ name: given, stem: file, repository }: NamedModel): readonly (readonly string[])[] {
  const [name, stem] = [given.toLowerCase(), file.toLowerCase()];
  const inRepository = tagInRepository(stem);
  const [base, tag = inRepository] = divided(name);
  // A repository's tag is the file's: the name's may be "latest" because another model has the name for the stem.
  const tagged: readonly (readonly [path: string, tag: string])[] = [
    [base, tag],
    ...(repository === undefined ? [] : [[repository.toLowerCase(), inRepository] as const]),
  ];
  const paths = tagged.map(([path]) => path);
  const byStem = nameOfStem(stem);
  return [
    [name],
    [name.replace(ofHub, '')],
    [
      stem,
      byStem,
      ...paths.map((path) => `${path.replace(ofHub, '')}/${stem}`),
      ...tagged.flatMap(([path, its]) => endsOf(path).flatMap((end) => [`${end}:${its}`, `${end}-${its}`])),
    ],
    [base.replace(ofHub, '')],
    [...paths.flatMap(endsOf), divided(byStem)[0]],
  ];
}

/** The models by all their names. Copies of one file of a repository, in several places, count as the first of them. */
export function nameIndex<T extends NamedModel>(models: readonly T[]): NameIndex<T> {
  const index: Map<string, T[]>[] = [];
  for (const model of models) {
    for (const [kind, spellings] of spellingsOf(model).entries()) {
      index[kind] ??= new Map();
      for (const spelling of spellings) add(index[kind], spelling, model);
    }
  }
  return index;
}

/** The models' own names. */
export const namesOfAll = (index: NameIndex<NamedModel>): Iterable<string> => index[0]?.keys() ?? [];

function add<T extends NamedModel>(names: Map<string, T[]>, name: string, model: T): void {
  const earlier = names.get(name);
  if (earlier === undefined) names.set(name, [model]);
  else if (!earlier.some((other) => areOne(other, model))) earlier.push(model);
}

const areOne = (a: NamedModel, b: NamedModel): boolean => {
  const identity = ({ name, stem, repository }: NamedModel): string | undefined => {
    const inRepository = tagInRepository(stem).toLowerCase();
    const [base, tag = inRepository] = divided(name.toLowerCase());
    if (ofHub.test(base)) return `${base.replace(ofHub, '')}:${tag}`;
    return repository && `${repository.toLowerCase()}:${inRepository}`;
  };
  return a === b || (identity(a) !== undefined && identity(a) === identity(b));
};

/** Places that full names may begin with: "registry.ollama.ai/library/", "https://huggingface.co/". */
const place =
  /^(?:https?:\/\/|hf:\/\/)?(?:www\.)?(?:(?:registry\.ollama\.ai|ollama\.com|hf\.co|huggingface\.co)\/)?(?:library\/)?/;
/** An address that is not Hugging Face's. */
const elsewhere = /^https?:\/\/(?!(?:www\.)?(?:hf\.co|huggingface\.co)\/)/;
const fileInRepository = /^([^/:]+\/[^/:]+)\/(?:(?:resolve|blob)\/[^/]+\/)?(?:.*\/)?([^/]+)$/;
const partOfSplit = /-\d{5}-of-\d{5}$/;

/** The forms of a name that is looked up. A file's name is one, its path is none. */
function formsOf(name: string): readonly string[] {
  const given = name.toLowerCase();
  const path = given
    .replace(/[?#].*$/, '')
    .replace(place, '')
    .replace(/\/tree\/[^/]+\/?$|\/+$/, '');
  const file = path.replace(/\.gguf$/, '').replace(partOfSplit, '');
  const forms = [given, file];
  if (file !== path) {
    const [, repository, stem = ''] = fileInRepository.exec(file) ?? [];
    if (elsewhere.test(given)) forms.push(nameOfStem(file.slice(file.lastIndexOf('/') + 1)));
    else if (repository !== undefined) forms.push(`${repository}/${stem}`, `${repository}:${tagInRepository(stem)}`);
  }
  return forms.flatMap((form) => [form, form.endsWith(latest) ? form.slice(0, -latest.length) : `${form}${latest}`]);
}

/**
 * The models with a name, in either case, with or without ":latest", its registry or ".gguf"; the end of a path, the name of
 * the file and the part before the tag are enough. The first kind of name that any model has decides; `full` leaves
 * names without tags out.
 */
function matches<T>(index: NameIndex<T>, name: string, { full }: { readonly full: boolean }): readonly T[] {
  const forms = formsOf(name);
  for (const names of full ? index.slice(0, fullKinds) : index) {
    for (const form of forms) {
      const found = names.get(form);
      if (found) return found;
    }
  }
  return [];
}

/** The model with a name. Throws MODEL_AMBIGUOUS where several have it. */
export function lookUp<T extends NamedModel>(
  index: NameIndex<T>,
  name: string,
  { full = false }: { readonly full?: boolean } = {},
): T | undefined {
  const found = matches(index, name, { full });
  if (found.length < 2) return found[0];
  throw new EngineError('MODEL_AMBIGUOUS', { name, models: found.map((model) => model.name) });
}
