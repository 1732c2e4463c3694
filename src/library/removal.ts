import { realpath, rm } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { EngineError } from '../base/errors.ts';
import { OwnStore } from '../stores/own-store.ts';
import type { LocatedModel } from './located-model.ts';

type Removable = Pick<LocatedModel, 'name' | 'folder' | 'files'> & Partial<Pick<LocatedModel, 'owner' | 'manifest'>>;

/**
 * The real paths of a model's files. Rejects with BAD_OPTION unless all of them lie in the models folder: a link in it,
 * to a file or to a folder, is another's, and so is its target.
 */
export async function removable({ name, folder, files, owner, manifest }: Removable): Promise<readonly string[]> {
  if (folder === undefined) throw refusal(name, owner);
  if (manifest !== undefined) return [manifest];
  const real = await failing(folder, realpath(folder));
  const paths = files.map((file) => join(real, relative(resolve(folder), file)));
  for (const path of paths) if ((await failing(path, realpath(path))) !== path) throw refusal(name);
  return paths;
}

/** Deletes a model's files; from our own store those that it has alone. Rejects as `removable` does, and with UNWRITABLE. */
export async function removeModel(model: Removable): Promise<void> {
  if (model.manifest !== undefined && model.folder !== undefined) {
    const store = new OwnStore(model.folder);
    await store.remove(store.nameOf(model.manifest));
    return;
  }
  for (const path of await removable(model)) await failing(path, rm(path));
}

const refusal = (name: string, owner?: LocatedModel['owner']): EngineError => {
  const others = owner === undefined ? 'others are not deleted' : `this one is ${owner}'s, which is only read`;
  const expected = `one whose file lies in the models folder itself: ${others}`;
  return new EngineError('BAD_OPTION', { option: 'model', value: name, expected });
};

const failing = <T>(file: string, work: Promise<T>): Promise<T> =>
  work.catch((cause: NodeJS.ErrnoException) => {
    throw new EngineError('UNWRITABLE', { file, reason: cause.code ?? cause.message }, { cause });
  });
