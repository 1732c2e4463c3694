import { statSync } from 'node:fs';
import { attempt } from '../base/attempt.ts';
import { EngineError } from '../base/errors.ts';
import { type LocatedModel, modelAtPath } from '../library/located-model.ts';
import { lookUp } from '../library/model-names.ts';
import type { Settings } from './options/table.ts';

/** A model that a command was called with: its file, and what comes with it. */
export type ChosenModel = Pick<LocatedModel, 'path' | 'preset'>;

/** A text that can only be meant as a path. */
export const isPath = (text: string): boolean => /^[.~]?[\\/]|^\.\.[\\/]|^[a-z]:[\\/]|\.gguf$/i.test(text);

/** True for a file that is there. */
export const isFile = (path: string): boolean => attempt(() => !statSync(path).isDirectory()) ?? false;

/** All models by all their names. A command that is called with a file starts without this code. */
async function namesIn(models: string | undefined): Promise<ReadonlyMap<string, LocatedModel>> {
  const { wholeLibrary } = await import('./open-library.ts');
  return wholeLibrary(models).aliases();
}

/**
 * Models by the paths of their files, or by names that `ssd-llm list` shows: only for these the places are looked into,
 * once. Rejects with MODEL_NOT_FOUND; of a path that leads nowhere, its reader will say so.
 */
export async function locateModels(
  texts: readonly string[],
  { models }: Pick<Settings, 'models'>,
): Promise<readonly LocatedModel[]> {
  const aliases = texts.every(isFile) ? undefined : await namesIn(models);
  return texts.map((text) => {
    if (isFile(text)) return modelAtPath(text);
    const found = aliases && lookUp(aliases, text);
    if (found) return found;
    if (isPath(text)) return modelAtPath(text);
    throw new EngineError('MODEL_NOT_FOUND', { file: text, name: true });
  });
}

/**
 * The models that a command was called with, and the settings with the file of its draft model. Rejects with
 * MODEL_NOT_FOUND.
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
