import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, resolve } from 'node:path';
import { at } from '../../base/at.ts';
import { attempt } from '../../base/attempt.ts';
import { EngineError } from '../../base/errors.ts';
import { readTextFile, reasonOf } from '../../base/regular-file.ts';
import type { LocatedModel } from '../../library/located-model.ts';
import { layerOfAdapter, layersOf, layersOfFile, makeModel } from '../../library/make-model.ts';
import { lookUp, type NameIndex } from '../../library/model-names.ts';
import { parseModelfile } from '../../library/modelfile.ts';
import { removeModel } from '../../library/removal.ts';
import { type UnfinishedCalled, unfinishedCalled } from '../../library/unfinished-called.ts';
import { type ManifestLayer, storedName } from '../../stores/manifest.ts';
import type { OwnStore } from '../../stores/own-store.ts';
import { removeUnfinishedModel } from '../../stores/unfinished-models.ts';
import { isFile, isPath, locateModels } from '../locate-model.ts';
import { ownStore, wholeLibrary } from '../open-library.ts';
import type { Settings } from '../options/table.ts';
import { note } from '../print/output.ts';
import { printable } from '../print/printable.ts';

/** Licenses are the longest texts. */
const mostBytes = 4 * 2 ** 20;

/** Makes a model by a Modelfile. Files in it count from its folder. */
export async function createCommand(settings: Settings, operands: readonly string[]): Promise<void> {
  const name = at(operands, 0);
  const { file = 'Modelfile' } = settings;
  const modelfile = parseModelfile(textOf(file));
  for (const reason of modelfile.unused) note(printable(reason));
  const folder = file === '-' ? '.' : dirname(file);
  const store = ownStore(settings.models);
  await makeModel(store, name, {
    ...modelfile,
    base: await baseOf(store, modelfile.from, folder, settings),
    adapters: modelfile.adapters.map((adapter) => layerOfAdapter(store, pathFrom(folder, adapter))),
  });
  note(`made ${printable(name)}`);
}

/** The layers of the model that a Modelfile begins with: a file's, where there is one, or those of a model by its name. */
async function baseOf(
  store: OwnStore,
  from: string,
  folder: string,
  settings: Settings,
): Promise<readonly ManifestLayer[]> {
  const path = pathFrom(folder, from);
  if (isFile(path) || isPath(from)) return layersOfFile(store, path);
  const [model] = await locateModels([from], settings);
  return model ? layersOf(store, model) : [];
}

const pathFrom = (folder: string, path: string): string => resolve(folder, path.replace(/^~(?=[\\/]|$)/, homedir()));

/** The text of a Modelfile. Throws BAD_OPTION, UNREADABLE. */
function textOf(file: string): string {
  try {
    return file === '-' ? readFileSync(0, 'utf8') : readTextFile(file, mostBytes);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const expected = 'a Modelfile that is there: --file names it, - is stdin';
    throw missing
      ? new EngineError('BAD_OPTION', { option: '--file', value: file, expected }, { cause })
      : new EngineError('UNREADABLE', { file, reason: reasonOf(cause) }, { cause });
  }
}

/** Gives a model a second name. */
export async function copyCommand(settings: Settings, operands: readonly string[]): Promise<void> {
  const [source, name] = [at(operands, 0), at(operands, 1)];
  const store = ownStore(settings.models);
  const model = at(await locateModels([source], settings), 0);
  const isListed = model.folder !== undefined || model.owner !== undefined;
  const from = isListed ? model.name : source;
  const to = storedName(name);
  // A name without a tag, too: a model whose tag was left out would get another one beside it.
  if (from === to || (isListed && attempt(() => storedName(source)) === to))
    return note(printable(`${from} has this name already`));
  await makeModel(store, name, { base: layersOf(store, model) });
  note(printable(`copied ${from} to ${to}`));
}

/** Removes models by their names, and what has come of those that were not pulled to their end. */
export async function removeCommand(settings: Settings, operands: readonly string[]): Promise<void> {
  for (const name of operands) {
    const { unfinished, whole } = unfinishedNamed(name, settings) ?? {};
    if (unfinished) removeUnfinishedModel(unfinished);
    if (!unfinished || whole) await removeModel(whole ?? at(await locateModels([name], settings), 0));
    note(printable(`removed ${name}${unfinished && !whole ? ', as far as it had come' : ''}`));
  }
}

/** The unfinished download with this name, if there is one. */
function unfinishedNamed(name: string, { models }: Settings): UnfinishedCalled<LocatedModel> | undefined {
  const store = attempt(() => ownStore(models));
  if (!store || isFile(name)) return undefined;
  let index: NameIndex<LocatedModel> | undefined;
  return unfinishedCalled(store.unfinished, name, (name, options) => {
    index ??= wholeLibrary(models).index();
    return lookUp(index, name, options);
  });
}
