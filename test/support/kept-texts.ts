import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { type KvShape, kvForm } from '../../src/state/kv-shape.ts';
import { PrefixFiles, type PrefixFilesOptions } from '../../src/state/prefix-files.ts';
import { assertHolds, filled, smallShape, textOf } from './caches.ts';
import type { TempFolder } from './temp-folder.ts';

/** Keys and values of the texts that are kept, unless a test says otherwise. */
export const keptShape: KvShape = smallShape(128);

/** Opens a folder of texts. A warning fails the test. */
export const openTexts = (
  folder: Pick<TempFolder, 'path'>,
  options: Partial<PrefixFilesOptions> = {},
): Promise<PrefixFiles> =>
  PrefixFiles.open(folder.path, {
    identity: 'a model',
    form: kvForm(keptShape),
    capacity: 2 ** 20,
    warn: assert.fail,
    ...options,
  });

export async function keepText(files: PrefixFiles, tokens: readonly number[], exact = 0): Promise<void> {
  using cache = filled(keptShape, tokens, exact);
  await files.save(cache);
  assertHolds(cache, tokens);
}

/** The number of tokens of a text that come back, as they were. */
export async function restoredTokens(files: PrefixFiles, tokens: readonly number[]): Promise<number> {
  const found = files.longestMatch(tokens);
  if (!found) return 0;
  using cache = filled(keptShape, textOf(99, 128), 128);
  if (await found.restore(cache, found.length)) {
    assertHolds(cache, tokens.slice(0, found.length));
    return found.length;
  }
  assert.deepEqual([[...cache.tokens], cache.exact], [[], 0], 'what is not there is not taken for there');
  return 0;
}

export const namesIn = ({ path }: TempFolder): readonly string[] => readdirSync(path);

/** Bytes of all files in a folder. */
export const bytesIn = (folder: TempFolder): number =>
  namesIn(folder).reduce((sum, name) => sum + statSync(folder.file(name)).size, 0);
