import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { at } from '../base/at.ts';
import { EngineError } from '../base/errors.ts';
import type { Preset } from '../model/preset.ts';
import { fileOf, kindOf, type ManifestLayer, manifestPathOf, mediaTypeOf, textLayer } from '../stores/manifest.ts';
import type { OwnStore } from '../stores/own-store.ts';
import { filesOf, type LocatedModel } from './located-model.ts';
import { readCard } from './model-card.ts';

/** A model to be made: the layers that it begins with, and what is added to them. */
export interface NewModel {
  readonly base: readonly ManifestLayer[];
  readonly adapters?: readonly ManifestLayer[] | undefined;
  readonly licenses?: readonly string[] | undefined;
  readonly template?: string | undefined;
  /** Instructions; an empty text takes away those of the base. */
  readonly system?: string | undefined;
  /** Parameters, which count over those of the base. */
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
  readonly messages?: Preset['messages'];
}

/** A file as a layer: that of our own store which has it, so that it stays as long as a model needs it, or the file in place. */
const layerOfFile = (store: OwnStore, kind: string, path: string): ManifestLayer =>
  store.layerOf(resolve(path)) ?? inPlace(kind, path);

/** A file in place as a layer: it is named, not copied, and a model made of it has the file as it will be. */
const inPlace = (kind: string, path: string): ManifestLayer => ({
  mediaType: mediaTypeOf(kind),
  size: statSync(path).size,
  file: resolve(path),
});

/**
 * The layers of a model whose files are blobs, by the names that the files have: parts of a split model lie together from
 * then on. Throws BAD_OPTION for files that are not one model, and UNWRITABLE.
 */
export function layersOfFiles(
  store: OwnStore,
  files: readonly { readonly file: string; readonly layer: ManifestLayer }[],
): readonly ManifestLayer[] {
  const byName = new Map(files.map(({ file, layer }) => [file, layer]));
  const [first, ...others] = [...byName].sort(([a], [b]) => (a < b ? -1 : 1));
  if (!first || others.length === 0) return first ? [first[1]] : [];
  const names = filesOf(first[0]);
  if (names.length !== byName.size || names.some((name) => !byName.has(name))) {
    const expected = 'one GGUF file, or all parts of a split one';
    throw new EngineError('BAD_OPTION', { option: 'files', value: [...byName.keys()].join(', '), expected });
  }
  const { digest = '' } = first[1];
  return names.map((name, i) =>
    store.placePart(byName.get(name) ?? first[1], store.partPath(digest, i + 1, names.length)),
  );
}

/** A GGUF file where it lies, with all its parts, as layers. Throws the errors of reading its header. */
export function layersOfFile(store: OwnStore, path: string): readonly ManifestLayer[] {
  const files = filesOf(resolve(path));
  readCard(at(files, 0), '');
  return files.map((file) => layerOfFile(store, 'model', file));
}

/** A LoRA adapter where it lies as a layer. Throws MODEL_NOT_FOUND. */
export function layerOfAdapter(store: OwnStore, path: string): ManifestLayer {
  try {
    return layerOfFile(store, 'adapter', path);
  } catch (cause) {
    throw new EngineError('MODEL_NOT_FOUND', { file: path }, { cause });
  }
}

/** The layers of a model: those that it has in our own store, or its files in place and copies of what comes with them. */
export function layersOf(store: OwnStore, model: LocatedModel): readonly ManifestLayer[] {
  if (model.manifest !== undefined && model.folder !== undefined) {
    return store.read(store.nameOf(model.manifest)) ?? [];
  }
  const { template, system, parameters, messages, adapters = [], license } = model.preset ?? {};
  return [
    ...model.files.map((file) => inPlace('model', file)),
    ...adapters.map(({ file }) => inPlace('adapter', file)),
    ...textLayers({ template, system, parameters, messages }),
    ...(license === undefined ? [] : [textLayer('license', license)]),
  ];
}

/**
 * Makes a model of our own, in place of an earlier one of this name. Rejects with BAD_OPTION for a bad name, the errors of
 * reading its file, and those of `OwnStore.write`.
 */
export async function makeModel(store: OwnStore, name: string, model: NewModel): Promise<void> {
  manifestPathOf(name);
  const { base, adapters = [], licenses = [], template, system, parameters, messages } = model;
  const first = base.find((layer) => kindOf(layer) === 'model');
  if (!first)
    throw new EngineError('BAD_OPTION', { option: 'from', value: name, expected: 'a model with a GGUF file' });
  readCard(fileOf(store.folder, first), '');
  const replaced = new Set([
    ...(adapters.length > 0 ? ['adapter'] : []),
    ...(template === undefined ? [] : ['template']),
    ...(system === undefined ? [] : ['system']),
    ...(parameters === undefined ? [] : ['params']),
    ...(messages === undefined ? [] : ['messages']),
  ]);
  const all = parameters && { ...Object(store.json('params', base)), ...parameters };
  await store.write(name, [
    ...base.filter((layer) => !replaced.has(kindOf(layer))),
    ...adapters,
    ...textLayers({ template, system, parameters: all, messages }),
    ...licenses.map((license) => textLayer('license', license)),
  ]);
}

const textLayers = ({ template, system, parameters, messages }: Omit<NewModel, 'base'>): readonly ManifestLayer[] => [
  ...(template === undefined ? [] : [textLayer('template', template)]),
  ...(system ? [textLayer('system', system)] : []),
  ...(parameters === undefined ? [] : [textLayer('params', JSON.stringify(parameters))]),
  ...(messages === undefined ? [] : [textLayer('messages', JSON.stringify(messages))]),
];
