import { statSync } from 'node:fs';
import { attempt } from '../base/attempt.ts';
import { EngineError } from '../base/errors.ts';
import { type LocatedModel, modelAtPath } from '../library/located-model.ts';
import { lookUp, type NameIndex, namesOfAll } from '../library/model-names.ts';
import type { Settings } from './options/table.ts';

/** A model that a command was called with: its name, its file, and what comes with it. */
export type ChosenModel = Pick<LocatedModel, 'name' | 'path' | 'preset'>;

/** A text that can only be meant as a path. */
export const isPath = (text: string): boolean => /^[.~]?[\\/]|^\.\.[\\/]|^[a-z]:[\\/]|\.gguf$/i.test(text);

/** True for a path with a folder in it. */
const isFolded = (text: string): boolean => isPath(text) && /[\\/]/.test(text);

/** True for a file that is there. */
export const isFile = (path: string): boolean => attempt(() => !statSync(path).isDirectory()) ?? false;

const isFolder = (path: string): boolean => attempt(() => statSync(path).isDirectory()) ?? false;

/** All models by all their names. A command that is called with a file starts without this code. */
async function namesIn(models: string | undefined): Promise<NameIndex<LocatedModel>> {
  const { checkModelsFolder, wholeLibrary } = await import('./open-library.ts');
  checkModelsFolder({ models });
  return wholeLibrary(models).index();
}

/** The error for a name, or a file's name, that no model has. */
async function unknown(text: string, index: NameIndex<LocatedModel>): Promise<EngineError> {
  if (text.trim() === '' || isFolder(text)) {
    const folder = text.trim() === '' ? '' : `, not a folder; "ssd-llm list --models ${text}" names the models in it`;
    const expected = `a model's name, as "ssd-llm list" shows it, or a GGUF file${folder}`;
    return new EngineError('BAD_OPTION', { option: 'model', value: text, expected });
  }
  const { similarNames } = await import('../library/similar-names.ts');
  const nearest = similarNames(text, namesOfAll(index));
  return new EngineError('MODEL_NOT_FOUND', { file: text, nearest, ...(!isPath(text) && { name: true }) });
}

/**
 * Models by the paths of their files, or by names that `ssd-llm list` shows: only for these the places are looked into,
 * once. Rejects with MODEL_NOT_FOUND, MODEL_AMBIGUOUS; of a path that leads nowhere, its reader will say so.
 */
export async function locateModels(
  texts: readonly string[],
  { models }: Pick<Settings, 'models'>,
): Promise<readonly LocatedModel[]> {
  const index = texts.every(isFile) ? [] : await namesIn(models);
  const located: LocatedModel[] = [];
  for (const text of texts) {
    const isPathed = isFolded(text) && !isFolder(text);
    const found = isFile(text) ? modelAtPath(text) : (lookUp(index, text) ?? (isPathed && modelAtPath(text)));
    if (!found) throw await unknown(text, index);
    located.push(found);
  }
  return located;
}

/**
 * The models that a command was called with, and the settings with the file of its draft model. Rejects with
 * MODEL_NOT_FOUND, MODEL_AMBIGUOUS.
 */
export async function locateCalled(
  texts: readonly string[],
  settings: Settings,
): Promise<{ readonly models: readonly LocatedModel[]; readonly settings: Settings }> {
  const drafts = settings.draftModel === undefined ? [] : [settings.draftModel];
  const located = await locateModels([...texts, ...drafts], settings);
  const models = located.slice(0, texts.length);
  return { models, settings: { ...settings, draftModel: located[texts.length]?.path } };
}
