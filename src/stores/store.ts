import { join } from 'node:path';
import { isFolder, modelsOfFolder, modelsOfLlamaCache } from './folder-models.ts';
import type { FoundModel, Unreadable } from './found-model.ts';
import { modelsOfHuggingFace } from './hugging-face.ts';
import { modelsOfOllama } from './ollama.ts';

/**
 * A folder in which another program keeps models, which are read where they lie, and in which nothing is changed; or the
 * cache of our own, with the models of the demo.
 */
export interface Store {
  readonly owner: 'ssd-llm' | 'Ollama' | 'LM Studio' | 'Hugging Face' | 'Jan' | 'llama.cpp';
  readonly folder: string;
}

type Look = (folder: string, unreadable: Unreadable) => readonly FoundModel[];

const layouts: Readonly<Record<Store['owner'], Look>> = {
  'ssd-llm': modelsOfFolder,
  // A folder without manifests holds files.
  Ollama: (folder, unreadable) =>
    isFolder(join(folder, 'manifests')) ? modelsOfOllama(folder, unreadable) : modelsOfFolder(folder, unreadable),
  'LM Studio': modelsOfFolder,
  'Hugging Face': modelsOfHuggingFace,
  Jan: modelsOfFolder,
  'llama.cpp': modelsOfLlamaCache,
};

/** The models of a store; none if its folder is not there. */
export const modelsOf = ({ owner, folder }: Store, unreadable: Unreadable): readonly FoundModel[] =>
  isFolder(folder) ? layouts[owner](folder, unreadable) : [];
