import { readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import { at } from '../base/at.ts';
import { attempt } from '../base/attempt.ts';
import { shardsOf } from '../gguf/model-file.ts';
import type { FoundModel, Unreadable } from './found-model.ts';
import { hubName } from './model-stem.ts';

/** Folders within folders that are looked into. */
const mostDepth = 8;
/** Names of files that say nothing: Jan calls all of them so. */
const emptyStem = /^(?:ggml-)?model$/i;

const isGguf = (name: string): boolean => /\.gguf$/i.test(name);
/** A file of what a model sees with, which is no model. */
const isProjector = (name: string): boolean => /^mmproj/i.test(name);

/** The names in a folder that are not hidden, in order. */
export function visibleNames(folder: string, unreadable: Unreadable): readonly string[] {
  try {
    const names = readdirSync(folder).filter((name) => !name.startsWith('.'));
    return names.sort();
  } catch (error) {
    unreadable(folder, error as Error);
    return [];
  }
}

/** True for a folder, or a link to one. */
export const isFolder = (path: string): boolean => attempt(() => statSync(path).isDirectory()) ?? false;

/** The GGUF files of a folder and the folders in it, also behind links; none twice. */
export function* ggufFiles(
  folder: string,
  unreadable: Unreadable,
  depth: number = 0,
  seen: Set<string> = new Set(),
): Generator<string> {
  const real = attempt(() => realpathSync(folder)) ?? folder;
  if (seen.has(real)) return;
  seen.add(real);
  const names = visibleNames(folder, unreadable);
  for (const name of names) if (isGguf(name) && !isProjector(name)) yield join(folder, name);
  if (depth === mostDepth) return;
  for (const name of names) {
    const inner = join(folder, name);
    if (!isGguf(name) && isFolder(inner)) yield* ggufFiles(inner, unreadable, depth + 1, seen);
  }
}

/** The first files of models among files, with their stems. */
export function modelsAmong(files: Iterable<string>): readonly Pick<FoundModel, 'path' | 'stem'>[] {
  const stems = new Map<string, string>();
  for (const file of files) {
    const { stem, files: shards } = shardsOf(file);
    stems.set(at(shards, 0), emptyStem.test(stem) ? basename(dirname(file)) : stem);
  }
  return [...stems].map(([path, stem]) => ({ path, stem }));
}

/**
 * The models of a folder and the folders in it. Two folders above a file are its repository, as LM Studio and Jan lay
 * models out.
 */
export const modelsOfFolder = (folder: string, unreadable: Unreadable): readonly FoundModel[] =>
  modelsAmong(ggufFiles(folder, unreadable)).map((model) => {
    const [org, name, ...rest] = relative(folder, dirname(model.path)).split(sep);
    const nested = org !== undefined && name !== undefined && rest.length === 0;
    return { ...model, ...(nested && { repository: `${org}/${name}` }) };
  });

/** A file of llama.cpp's cache: "ORG_NAME-GGUF_FILE". */
const cached = /^([^_]+)_(.+?-gguf)_(.+)$/i;

/** The models of llama.cpp's cache, whose files are called after their repositories. */
export const modelsOfLlamaCache = (folder: string, unreadable: Unreadable): readonly FoundModel[] =>
  modelsOfFolder(folder, unreadable)
    .filter(({ stem }) => !/_mmproj[^_]*$/i.test(stem))
    .map((model) => {
      const [, org, name, stem] = cached.exec(model.stem) ?? [];
      if (stem === undefined) return model;
      const repository = `${org}/${name}`;
      return { ...model, stem, repository, name: hubName(repository, stem) };
    });
