import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../base/attempt.ts';
import { readTextFile, realPath } from '../base/regular-file.ts';
import { changeSharedFile } from '../base/shared-file.ts';
import { loadLibraries } from '../ggml/library.ts';
import type { ModelFile } from '../gguf/model-file.ts';

const fileName = 'tried-models.json';
/** Number to raise when trials try more. */
const version = 3;
/** Models that are remembered; the oldest ones are forgotten. */
const most = 1000;
const mostBytes = 2 ** 20;

/** A name for the files of a model, its adapters, a device and libllama as they are now. Throws LIBRARY_MISSING. */
export function trialKey(
  { files }: ModelFile,
  { adapters = [], device }: { readonly adapters?: readonly string[]; readonly device?: object | undefined } = {},
): string {
  const { folder } = loadLibraries();
  const models = files.map(({ path, size }) => [realPath(path), size, statSync(path).mtimeMs]);
  const applied = adapters.map((path) => [realPath(path), statSync(path).size, statSync(path).mtimeMs]);
  const facts = {
    version,
    models,
    library: [folder, statSync(folder).mtimeMs],
    ...(applied.length > 0 && { applied }),
    device,
  };
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}

/** The keys of models whose trial went well, as `folder` has them. A missing, unreadable or damaged file has none. */
export function triedModels(folder: string): readonly string[] {
  const content = attempt(() => JSON.parse(readTextFile(join(folder, fileName), mostBytes)) as unknown);
  return Array.isArray(content) ? content.filter((key) => typeof key === 'string') : [];
}

/** Adds a key to those in `folder`. Where nothing can be saved there will be another trial, which is harmless. */
export function saveTried(folder: string, key: string): void {
  attempt(() =>
    changeSharedFile(folder, fileName, () => {
      const keys = [...triedModels(folder).filter((other) => other !== key), key].slice(-most);
      return `${JSON.stringify(keys, undefined, 2)}\n`;
    }),
  );
}
