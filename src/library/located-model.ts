import { resolve } from 'node:path';
import { at } from '../base/at.ts';
import { shardsOf } from '../gguf/model-file.ts';
import type { FoundModel } from '../stores/found-model.ts';
import type { Store } from '../stores/store.ts';
import { namesOf } from './model-names.ts';

export type OtherProgram = Exclude<Store['owner'], 'ssd-llm'>;

/** A model that was found, and is called by a name that no other has. */
export interface LocatedModel extends FoundModel {
  readonly name: string;
  readonly files: readonly string[];
  /** The models folder that it was found in; undefined if it was named, or is another program's. */
  readonly folder: string | undefined;
  /** The other program in whose store it lies. */
  readonly owner: OtherProgram | undefined;
}

export type Place = Pick<LocatedModel, 'folder' | 'owner'>;

export const nowhere: Place = { folder: undefined, owner: undefined };

/** The place of a store's models: those of our own may be removed. */
export const placeOf = ({ owner, folder }: Store): Place =>
  owner === 'ssd-llm' ? { folder, owner: undefined } : { folder: undefined, owner };

export const filesOf = (path: string): readonly string[] => shardsOf(path).files;

/** The model of a file, which may be any part of it. */
export function firstOf(path: string): FoundModel {
  const { stem, files } = shardsOf(resolve(path));
  return { path: at(files, 0), stem };
}

/** The model of a file, which may be any part of it and need not be there. */
export function modelAtPath(path: string): LocatedModel {
  const model = firstOf(path);
  return { ...model, ...nowhere, name: at(namesOf([model]), 0), files: filesOf(model.path) };
}
