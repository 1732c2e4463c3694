import { readdirSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../base/attempt.ts';
import { readTextFile } from '../base/regular-file.ts';
import { ggufFiles, isFolder, modelsAmong, visibleNames } from './folder-models.ts';
import type { FoundModel, Unreadable } from './found-model.ts';
import { hubName } from './model-stem.ts';

const mostRefBytes = 1024;

/** The snapshots of a repository: that of `main` first, then the newest. */
function snapshotsOf(repository: string): readonly string[] {
  const folder = join(repository, 'snapshots');
  const main = attempt(() => readTextFile(join(repository, 'refs', 'main'), mostRefBytes).trim());
  // One that is gone meanwhile counts as the oldest.
  const age = (name: string): number => attempt(() => statSync(join(folder, name)).mtimeMs) ?? 0;
  const names = (attempt(() => readdirSync(folder)) ?? []).sort((a, b) => age(b) - age(a));
  const ordered = [...names.filter((name) => name === main), ...names.filter((name) => name !== main)];
  return ordered.map((name) => join(folder, name)).filter(isFolder);
}

/** The models of Hugging Face's cache. The same file in several snapshots is one. */
export function modelsOfHuggingFace(folder: string, unreadable: Unreadable): readonly FoundModel[] {
  return visibleNames(folder, unreadable).flatMap((name) => {
    const [kind, org, ...rest] = name.split('--');
    if (kind !== 'models' || org === undefined) return [];
    const repository = [org, rest.join('--')].filter(Boolean).join('/');
    const seen = new Set<string>();
    const files = snapshotsOf(join(folder, name)).flatMap((snapshot) => [...ggufFiles(snapshot, unreadable)]);
    return modelsAmong(files).flatMap((model) => {
      const real = attempt(() => realpathSync(model.path)) ?? model.path;
      if (seen.has(real)) return [];
      seen.add(real);
      return [{ ...model, repository, ...(repository.includes('/') && { name: hubName(repository, model.stem) }) }];
    });
  });
}
