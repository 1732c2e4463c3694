import { existsSync, statSync } from 'node:fs';
import { attempt } from '../base/attempt.ts';
import { EngineError } from '../base/errors.ts';
import { Library, type LocatedModel, type Warn } from '../library/library.ts';
import type { CardOptions } from '../library/model-card.ts';
import { lookUp } from '../library/model-names.ts';
import { placesFor } from './model-places.ts';
import type { Settings } from './options/table.ts';
import { note } from './print/output.ts';
import { printable } from './print/printable.ts';

/** A model that a command was called with: its file, and what comes with it. */
export type ChosenModel = Pick<LocatedModel, 'path' | 'preset'>;

/** Says that a file or folder cannot be used. */
export const leaveOut: Warn = (path, error) => note(printable(`${path} is left out: ${error.message}`));

/** The library of all places, or of the models folder that was named. */
function wholeLibrary(models: string | undefined, options: CardOptions = {}, warn: Warn = leaveOut): Library {
  const { folder, stores } = placesFor(models);
  // Our own folder comes with the first model that is pulled.
  const there = models !== undefined || (folder !== undefined && existsSync(folder));
  return new Library({ ...options, files: [], folder: there ? folder : undefined, stores }, warn);
}

/**
 * The models that a command is about: those that were found by the names it was given, and those of a models folder that
 * was named; else all that there are.
 */
export const openLibrary = (
  { models, found }: { readonly models: string | undefined; readonly found: readonly LocatedModel[] },
  options: CardOptions = {},
  warn: Warn = leaveOut,
): Library =>
  found.length === 0
    ? wholeLibrary(models, options, warn)
    : new Library({ ...options, files: [], found, folder: models }, warn);

/** The error for a command that finds no models, with the places that it looked into. */
export function noModels({ models }: Pick<Settings, 'models'>): EngineError {
  const { folder, stores } = placesFor(models);
  return new EngineError('NO_MODELS', {
    folders: [...(folder ? [folder] : []), ...stores.map(({ folder }) => folder)],
  });
}

/** A text that can only be meant as a path. */
const isPath = (text: string): boolean => /^[.~]?[\\/]|^\.\.[\\/]|^[a-z]:[\\/]|\.gguf$/i.test(text);

const isFile = (path: string): boolean => attempt(() => !statSync(path).isDirectory()) ?? false;

/**
 * Models by the paths of their files, or by names that `ssd-llm list` shows: only for these the places are looked into,
 * once. Throws MODEL_NOT_FOUND; of a path that leads nowhere, its reader will say so.
 */
export function locateModels(texts: readonly string[], { models }: Pick<Settings, 'models'>): readonly LocatedModel[] {
  let aliases: ReadonlyMap<string, LocatedModel> | undefined;
  return texts.map((text) => {
    if (isFile(text)) return Library.atPath(text);
    aliases ??= wholeLibrary(models).aliases();
    const found = lookUp(aliases, text);
    if (found) return found;
    if (isPath(text)) return Library.atPath(text);
    throw new EngineError('MODEL_NOT_FOUND', { file: text, name: true });
  });
}

/** The models that a command was called with, and the settings with the file of its draft model. Throws MODEL_NOT_FOUND. */
export function locateCalled(
  texts: readonly string[],
  settings: Settings,
): { readonly models: readonly LocatedModel[]; readonly settings: Settings } {
  const drafts = settings.draftModel === undefined ? [] : [settings.draftModel];
  const located = locateModels([...texts, ...drafts], settings);
  const models = located.slice(0, texts.length);
  return { models, settings: { ...settings, draftModel: located[texts.length]?.path } };
}
