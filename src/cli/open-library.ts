import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { attempt } from '../base/attempt.ts';
import { EngineError } from '../base/errors.ts';
import { Library, type Warn } from '../library/library.ts';
import type { LocatedModel } from '../library/located-model.ts';
import type { CardOptions } from '../library/model-card.ts';
import { OwnStore } from '../stores/own-store.ts';
import { placesFor } from './model-places.ts';
import type { Settings } from './options/table.ts';
import { note } from './print/output.ts';
import { printable } from './print/printable.ts';

/** Says that a file or folder cannot be used. */
export const leaveOut: Warn = (path, error) => note(printable(`${path} is left out: ${error.message}`));

/** The library of all places, or of the models folder that was named. */
export function wholeLibrary(models: string | undefined, options: CardOptions = {}, warn: Warn = leaveOut): Library {
  const { folder, stores } = placesFor(models);
  // The folder comes with the first model that is pulled.
  const there = folder !== undefined && existsSync(folder);
  return new Library({ ...options, files: [], folder: there ? folder : undefined, ownFolder: folder, stores }, warn);
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

/** The store of our own that a command changes. Throws BAD_OPTION for a user without a home. */
export function ownStore(models: string | undefined): OwnStore {
  const { folder } = placesFor(models);
  if (folder !== undefined) return new OwnStore(resolve(folder));
  throw new EngineError('BAD_OPTION', { option: 'models', value: 'of a user without a home', expected: 'a folder' });
}

/** Throws NO_MODELS if a folder was named that is none. */
export function checkModelsFolder({ models }: Pick<Settings, 'models'>): void {
  if (models === undefined) return;
  const isFolder = attempt(() => statSync(models).isDirectory());
  if (isFolder) return;
  throw new EngineError('NO_MODELS', { folders: [models], named: isFolder === undefined ? 'missing' : 'a file' });
}

/** The error for a command that finds no models, with the places that it looked into. */
export function noModels({ models }: Pick<Settings, 'models'>): EngineError {
  const { folder, stores } = placesFor(models);
  return new EngineError('NO_MODELS', {
    folders: [...(folder ? [folder] : []), ...stores.map(({ folder }) => folder)],
  });
}
