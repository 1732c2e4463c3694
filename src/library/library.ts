import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { at } from '../base/at.ts';
import { modelsOfFolder } from '../stores/folder-models.ts';
import type { FoundModel } from '../stores/found-model.ts';
import type { ManifestLayer } from '../stores/manifest.ts';
import { OwnStore } from '../stores/own-store.ts';
import { modelsOf, type Store } from '../stores/store.ts';
import { filesOf, firstOf, type LocatedModel, nowhere, type Place, placeOf } from './located-model.ts';
import { layersOf } from './make-model.ts';
import { type CardOptions, type ModelCard, readCard, type ServedModel } from './model-card.ts';
import { lookUp, type NameIndex, nameIndex, namesOf } from './model-names.ts';

/** A model that was found, with its description. */
export type LibraryModel = LocatedModel & ServedModel;

/** Places to look for models: files, a folder and the folders in it, and other programs' stores. */
export interface ModelSources extends CardOptions {
  readonly files: readonly string[];
  readonly folder: string | undefined;
  /** The models folder with the store of our own, which need not be there yet. */
  readonly ownFolder?: string | undefined;
  readonly stores?: readonly Store[] | undefined;
  /** Models that were found before, by their names. */
  readonly found?: readonly FoundModel[] | undefined;
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
 * Milliseconds for which names that were found hold, as long as their files stay as they are: a look at the stores of 90
 * models takes 20 ms, in which nobody else is answered.
 */
const rememberedFor = 1000;

/**
 * The models there are. All of them, and names that are not known, are found anew each time; the header of a file is read
 * again only if it has changed. Files that cannot be opened are left out.
 */
export class Library {
  readonly #sources: ModelSources;
  readonly #warn: Warn;
  readonly #known: Map<string, Known> = new Map();
  /** Reasons why folders could not be read. */
  readonly #unreadable: Map<string, string> = new Map();
  /** The names of the last look, and its time. */
  #looked: { readonly index: NameIndex<LocatedModel>; readonly time: number } | undefined;

  constructor(sources: ModelSources, warn: Warn) {
    const { folder, ownFolder = folder, stores = [] } = sources;
    this.#sources = {
      ...sources,
      folder: folder === undefined ? undefined : resolve(folder),
      ownFolder: ownFolder === undefined ? undefined : resolve(ownFolder),
      stores: stores.map((store) => ({ ...store, folder: resolve(store.folder) })),
    };
    this.#warn = warn;
  }

  /** The store of our own; undefined if the library is of models that were named. */
  get ownStore(): OwnStore | undefined {
    const { ownFolder, stores = [] } = this.#sources;
    const ollama = stores.filter(({ owner }) => owner === 'Ollama').map(({ folder }) => folder);
    return ownFolder === undefined ? undefined : new OwnStore(ownFolder, ollama);
  }

  /** The parts of a model, as one that is made of it has them. Throws UNWRITABLE. */
  layersOf(model: LibraryModel): readonly ManifestLayer[] {
    return this.ownStore ? layersOf(this.ownStore, model) : [];
  }

  /** All models by name. */
  models(): readonly LibraryModel[] {
    return this.named()
      .flatMap((model) => this.#open(model) ?? [])
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** A model by any of its names; a `full` one has its tag. A name is never used as a path. Throws MODEL_AMBIGUOUS. */
  find(name: string, { full = false }: { readonly full?: boolean } = {}): LibraryModel | undefined {
    const model = (full ? undefined : this.#remembered(name)) ?? lookUp(this.index(), name, { full });
    return model && this.#open(model);
  }

  /** The places of all models by all names that they go by, for `lookUp`. No model's file is read. */
  index(): NameIndex<LocatedModel> {
    const index = nameIndex(this.named());
    this.#looked = { index, time: performance.now() };
    return index;
  }

  /** A model that was found a moment ago, if its files have not changed since. */
  #remembered(name: string): LocatedModel | undefined {
    if (!this.#looked || performance.now() - this.#looked.time >= rememberedFor) return undefined;
    const model = lookUp(this.#looked.index, name);
    return model && this.#known.get(keyOf(model))?.version === stateOf(model).version ? model : undefined;
  }

  /** All models that there seem to be, named files first, in their order: if two would have one name, the first has it. */
  named(): readonly LocatedModel[] {
    const found = this.#found();
    const names = namesOf(found);
    return found.map((model, i) => ({ ...model, name: at(names, i), files: filesOf(model.path) }));
  }

  #found(): readonly (FoundModel & Place)[] {
    const { files, folder, ownFolder, stores = [], found = [] } = this.#sources;
    const failing = new Map<string, string>();
    const unreadable = (path: string, error: Error): void => {
      const reason = codeOf(error);
      if (this.#unreadable.get(path) !== reason) this.#warn(path, error);
      failing.set(path, reason);
    };
    const all = [
      ...files.map((path) => ({ ...firstOf(path), ...nowhere })),
      ...found.map((model) => ({ ...nowhere, ...model })),
      ...(this.ownStore?.models(unreadable) ?? []).map((model) => ({ ...model, folder: ownFolder, owner: undefined })),
      ...(folder === undefined ? [] : modelsOfFolder(folder, unreadable)).map((model) => ({
        ...model,
        folder,
        owner: undefined,
      })),
      ...stores.flatMap((store) => modelsOf(store, unreadable).map((model) => ({ ...model, ...placeOf(store) }))),
    ];
    this.#unreadable.clear();
    for (const [path, reason] of failing) this.#unreadable.set(path, reason);
    // A file that was named, and lies in the folder, is one model, which may be removed.
    const unique = new Map<string, FoundModel & Place>();
    for (const model of all) {
      const earlier = unique.get(keyOf(model));
      unique.set(keyOf(model), earlier ? { ...earlier, folder: earlier.folder ?? model.folder } : model);
    }
    return [...unique.values()];
  }

  #open(model: LocatedModel): LibraryModel | undefined {
    const { version, size, modified } = stateOf(model);
    const key = keyOf(model);
    let known = this.#known.get(key);
    if (known?.version !== version) {
      known = { version, ...this.#read(model, version, known?.failure) };
      this.#known.set(key, known);
    }
    return known.card && { ...known.card, ...model, size, modified };
  }

  #read({ path, preset }: LocatedModel, version: string, warned: string | undefined): Omit<Known, 'version'> {
    try {
      return { card: readCard(path, version, { ...this.#sources, preset }) };
    } catch (error) {
      const failure = codeOf(error);
      // A file that is still being downloaded changes all the time, and adapters lie beside models.
      if (failure !== warned && failure !== 'NOT_A_MODEL') this.#warn(path, error as Error);
      return { failure };
    }
  }
}

/** One model of a store may have several names, with presets of their own. */
const keyOf = ({ path, preset, name }: FoundModel): string => (preset ? `${path} ${name}` : path);

const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException).code ?? error);

/** The state of a model's files, and of the manifest that names them. */
function stateOf({ files, manifest }: Pick<LocatedModel, 'files' | 'manifest'>): State {
  const states: string[] = [];
  let bytes = 0;
  let newest = 0;
  for (const file of [...(manifest === undefined ? [] : [manifest]), ...files]) {
    try {
      const { size, mtimeMs } = statSync(file);
      states.push(`${size} ${mtimeMs}`);
      if (file !== manifest) bytes += size;
      newest = Math.max(newest, mtimeMs);
    } catch (error) {
      // The other files need not be looked at: without one, there is no model.
      states.push(codeOf(error));
      break;
    }
  }
  return { version: states.join(', '), size: bytes, modified: new Date(newest) };
}
