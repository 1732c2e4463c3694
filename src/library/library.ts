import { readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { at } from '../base/at.ts';
import { shardsOf } from '../gguf/model-file.ts';
import type { ServedModel } from './model-card.ts';
import { type CardOptions, type ModelCard, readCard } from './model-card.ts';
import { aliasesOf, lookUp, namesOf } from './model-names.ts';

/** A model that was found, with its files. */
export interface LibraryModel extends ServedModel {
  /** The first file of a split model, or the only one. */
  readonly path: string;
  readonly files: readonly string[];
  /** The name of the file, without part and ending. */
  readonly stem: string;
  /** The models folder that it was found in; undefined if it was named. */
  readonly folder: string | undefined;
}

/** Places to look for models: files, a folder and the folders in it. */
export interface ModelSources extends CardOptions {
  readonly files: readonly string[];
  readonly folder: string | undefined;
}

/** Called once for each model, or folder, that cannot be read, and again when the reason changes. */
export type Warn = (path: string, error: Error) => void;

/** The result of reading a model's files: the card, or the code of the reason why they make no model. */
interface Known {
  readonly version: string;
  readonly card?: ModelCard;
  readonly failure?: string;
}

interface State {
  /** Version of the files: the same as long as no file changes. */
  readonly version: string;
  readonly size: number;
  readonly modified: Date;
}

/**
 * The models there are, found anew each time; the header of a file is read again only if it has changed. Files that
 * cannot be opened are left out.
 */
export class Library {
  readonly #sources: ModelSources;
  readonly #warn: Warn;
  readonly #known: Map<string, Known> = new Map();
  readonly #unreadable: Set<string> = new Set();

  constructor(sources: ModelSources, warn: Warn) {
    this.#sources = sources;
    this.#warn = warn;
  }

  /** All models by name. */
  models(): readonly LibraryModel[] {
    return this.#models().sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** A model by any of its names: see `lookUp`. A name is never used as a path. */
  find(name: string): LibraryModel | undefined {
    return lookUp(aliasesOf(this.#models()), name);
  }

  /** All models, named files first, in their order: if two would have one name, the first has it. */
  #models(): LibraryModel[] {
    const found = [...this.#paths()].flatMap(([path, folder]) => this.#open(path, folder) ?? []);
    const names = namesOf(found.map(({ stem }) => stem));
    return found.map((model, i) => ({ ...model, name: at(names, i) }));
  }

  /** The first file of each model, and the folder that it was found in. */
  #paths(): ReadonlyMap<string, string | undefined> {
    const { files, folder } = this.#sources;
    const first = (path: string): string => at(shardsOf(resolve(path)).files, 0);
    const named = files.map((path) => [first(path), undefined] as const);
    const inFolder = folder === undefined ? [] : this.#filesIn(folder).map((path) => [first(path), folder] as const);
    return new Map([...named, ...inFolder]);
  }

  #open(path: string, folder: string | undefined): Omit<LibraryModel, 'name'> | undefined {
    const { stem, files } = shardsOf(path);
    const { version, size, modified } = stateOf(files);
    let known = this.#known.get(path);
    if (known?.version !== version) {
      known = { version, ...this.#read(path, version, known?.failure) };
      this.#known.set(path, known);
    }
    return known.card && { ...known.card, size, modified, path, files, stem, folder };
  }

  #read(path: string, version: string, warned: string | undefined): Omit<Known, 'version'> {
    try {
      return { card: readCard(path, version, this.#sources) };
    } catch (error) {
      const failure = codeOf(error);
      // A file that is still being downloaded changes all the time.
      if (failure !== warned) this.#warn(path, error as Error);
      return { failure };
    }
  }

  #filesIn(folder: string, deep = true): readonly string[] {
    const names = this.#namesIn(folder).filter((name) => !name.startsWith('.'));
    const files = names.filter(isGguf).map((name) => join(folder, name));
    const folders = deep ? names.filter((name) => !isGguf(name)).map((name) => join(folder, name)) : [];
    return [...files, ...folders.filter(isFolder).flatMap((inner) => this.#filesIn(inner, false))];
  }

  #namesIn(folder: string): readonly string[] {
    try {
      const names = readdirSync(folder).sort();
      this.#unreadable.delete(folder);
      return names;
    } catch (error) {
      if (!this.#unreadable.has(folder)) this.#warn(folder, error as Error);
      this.#unreadable.add(folder);
      return [];
    }
  }
}

const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException).code ?? error);

const isGguf = (name: string): boolean => /\.gguf$/i.test(name);

/** True for a folder, or a link to one. */
function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function stateOf(files: readonly string[]): State {
  const states: string[] = [];
  let bytes = 0;
  let newest = 0;
  for (const file of files) {
    try {
      const { size, mtimeMs } = statSync(file);
      states.push(`${size} ${mtimeMs}`);
      bytes += size;
      newest = Math.max(newest, mtimeMs);
    } catch (error) {
      // The other files need not be looked at: without one, there is no model.
      states.push(codeOf(error));
      break;
    }
  }
  return { version: states.join(', '), size: bytes, modified: new Date(newest) };
}
