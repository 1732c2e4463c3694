import { realpath, rm } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { EngineError } from '../base/errors.ts';
import { OwnStore } from '../stores/own-store.ts';
import type { LocatedModel, OtherProgram } from './located-model.ts';

type Removable = Pick<LocatedModel, 'name' | 'folder' | 'files'> & Partial<Pick<LocatedModel, 'owner' | 'manifest'>>;

/**
 * The real paths of a model's files. Rejects with MODEL_NOT_OURS unless all of them lie in the models folder: a link in it,
 * to a file or to a folder, is another's, and so is its target.
 */
export async function removable(model: Removable): Promise<readonly string[]> {
  const { folder, files, manifest } = model;
  if (folder === undefined) throw refusal(model);
  if (manifest !== undefined) return [manifest];
  const real = await failing(folder, realpath(folder));
  const paths = files.map((file) => join(real, relative(resolve(folder), file)));
  for (const path of paths) if ((await failing(path, realpath(path))) !== path) throw refusal(model);
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

/** The way in which other programs remove their models. */
const removedBy: Readonly<Record<OtherProgram, string>> = {
  Ollama: '"ollama rm" removes it',
  'LM Studio': 'My Models in LM Studio removes it',
  'Hugging Face': '"hf cache" removes it',
  Jan: "Jan's own settings remove it",
  'llama.cpp': 'its file there can be deleted',
};

const refusal = ({ name, owner, files: [file = ''] }: Removable): EngineError =>
  new EngineError('MODEL_NOT_OURS', { name, file, owner, removal: owner && removedBy[owner] });

const failing = <T>(file: string, work: Promise<T>): Promise<T> =>
  work.catch((cause: NodeJS.ErrnoException) => {
    throw new EngineError('UNWRITABLE', { file, reason: cause.code ?? cause.message }, { cause });
  });
