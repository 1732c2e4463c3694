import { existsSync, statSync } from 'node:fs';
import { attempt } from '../base/attempt.ts';
import { EngineError } from '../base/errors.ts';
import { Library, type LocatedModel, type Warn } from '../library/library.ts';
import type { CardOptions } from '../library/model-card.ts';
import { placesFor } from './model-places.ts';
import type { Settings } from './options/table.ts';
import { note } from './print/output.ts';
import { printable } from './print/printable.ts';

/** A model that a command was called with: its file, and what comes with it. */
export type ChosenModel = Pick<LocatedModel, 'path' | 'preset'>;

type Places = Pick<Settings, 'models' | 'files'>;

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
 * The models that a command is about: those that were named, and those of a models folder that was named; else all that
 * there are. Throws MODEL_NOT_FOUND.
 */
export function openLibrary({ models, files }: Places, options: CardOptions = {}, warn: Warn = leaveOut): Library {
  if (files.length === 0) return wholeLibrary(models, options, warn);
  const whole = wholeLibrary(models);
  const found = files.map((text) => locateIn(whole, text));
  return new Library({ ...options, files: [], found, folder: models }, warn);
}

/** The error for a command that finds no models, with the places that it looked into. */
export function noModels({ models }: Places): EngineError {
  const { folder, stores } = placesFor(models);
  return new EngineError('NO_MODELS', {
    folders: [...(folder ? [folder] : []), ...stores.map(({ folder }) => folder)],
  });
}

/**
 * A model by the path of its file, or by a name that `ssd-llm list` shows. Throws MODEL_NOT_FOUND; of a path that leads
 * nowhere, its reader will say so.
 */
export const locateModel = (text: string, { models }: Pick<Settings, 'models'>): ChosenModel =>
  locateIn(() => wholeLibrary(models), text);

/** A text that can only be meant as a path. */
const isPath = (text: string): boolean => /^[.~]?[\\/]|^\.\.[\\/]|^[a-z]:[\\/]|\.gguf$/i.test(text);

const isFile = (path: string): boolean => attempt(() => !statSync(path).isDirectory()) ?? false;

function locateIn(library: Library | (() => Library), text: string): LocatedModel {
  if (isFile(text)) return Library.atPath(text);
  const found = (typeof library === 'function' ? library() : library).locate(text);
  if (found) return found;
  if (isPath(text)) return Library.atPath(text);
  throw new EngineError('MODEL_NOT_FOUND', { file: text, name: true });
}
