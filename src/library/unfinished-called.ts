import { attempt } from '../base/attempt.ts';
import { type UnfinishedModel, unfinishedModels } from '../stores/unfinished-models.ts';
import { lookUp, nameIndex } from './model-names.ts';

/** A download that has ended early, and the model that is there by the same name. */
export interface UnfinishedCalled<T> {
  readonly unfinished: UnfinishedModel;
  readonly whole: T | undefined;
}

/**
 * The download in a folder of unfinished ones that has this name; undefined if there is none. Where a model that `find` knows
 * may be meant, the name is the download's only with its tag. Throws MODEL_AMBIGUOUS.
 */
export function unfinishedCalled<T>(
  folder: string,
  name: string,
  find: (name: string, options?: { readonly full?: boolean }) => T | undefined,
): UnfinishedCalled<T> | undefined {
  const begun = unfinishedModels(folder);
  if (begun.length === 0) return undefined;
  const index = nameIndex(begun.map((model) => ({ ...model, stem: model.name.replaceAll(':', '-') })));
  // Where several have the name, it is no less theirs.
  const isFree = attempt(() => find(name) === undefined) ?? false;
  const unfinished = lookUp(index, name, { full: !isFree });
  return unfinished && { unfinished, whole: attempt(() => find(name, { full: true })) };
}
