import { type UnfinishedModel, unfinishedModels } from '../stores/unfinished-models.ts';
import { lookUp, nameIndex } from './model-names.ts';

/**
 * The download in a folder of unfinished ones that has this name: only with its tag, where a model that is there may be meant by it
 * (`taken`). Throws MODEL_AMBIGUOUS.
 */
export function unfinishedCalled(folder: string, name: string, taken: boolean): UnfinishedModel | undefined {
  const begun = unfinishedModels(folder);
  const index = nameIndex(begun.map((model) => ({ ...model, stem: model.name.replaceAll(':', '-') })));
  return lookUp(index, name, { full: taken });
}
