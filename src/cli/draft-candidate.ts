import { statSync } from 'node:fs';
import { attempt } from '../base/attempt.ts';
import type { LocatedModel } from '../library/located-model.ts';
import { type ModelOutline, openOutline } from '../runtime/model-outline.ts';
import { checkSameTokens } from '../text/same-tokens.ts';
import { wholeLibrary } from './open-library.ts';

/** A model that could draft for another. */
export interface DraftCandidate {
  readonly name: string;
  readonly outline: ModelOutline;
}

/** Times that a draft model must be smaller; and files that are looked into. */
const smaller = 4;
const mostTried = 4;

/** The smallest model in the library that has the tokens of `target`; its graphs are to be disposed of. */
export function draftCandidate(
  target: ModelOutline,
  settings: { readonly models?: string | undefined; readonly trialFolder?: string | undefined },
): DraftCandidate | undefined {
  const quiet = (): void => {};
  const found = attempt(() => [...wholeLibrary(settings.models, {}, quiet).named()]) ?? [];
  const small = [...new Map(found.map((model) => [model.path, model])).values()]
    .map((model) => ({ ...model, size: sizeOf(model) }))
    .filter(({ size }) => size * smaller <= target.file.bytes)
    .sort((a, b) => a.size - b.size);
  for (const { name, path } of small.slice(0, mostTried)) {
    const outline = attempt(() => openOutline(path, { trialFolder: settings.trialFolder }));
    if (outline && drafts(outline, target)) return { name, outline };
    outline?.graphs[Symbol.dispose]();
  }
  return undefined;
}

const sizeOf = ({ files }: LocatedModel): number =>
  files.reduce((sum, file) => sum + (attempt(() => statSync(file).size) ?? Number.POSITIVE_INFINITY), 0);

function drafts({ graphs, file }: ModelOutline, target: ModelOutline): boolean {
  const sameTokens = attempt(() => {
    checkSameTokens(file.metadata, target.file.metadata);
    return true;
  });
  return !graphs.wholeTexts && sameTokens === true;
}
