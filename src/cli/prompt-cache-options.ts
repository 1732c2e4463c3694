import { join } from 'node:path';
import { Option } from 'commander';
import { EngineError } from '../base/errors.ts';
import { checkFolder } from '../base/folder.ts';
import { checkOnDisk } from '../base/memory-folder.ts';
import type { PromptCacheOptions } from '../engine/model-options.ts';
import { cacheFolder } from './environment.ts';
import { sizeOrNone, unless } from './options.ts';

/** What `promptCacheOptions` give. */
export interface PromptCacheFlags {
  /** Bytes, 0 for none. */
  readonly promptCache?: number | 'auto' | undefined;
  readonly promptCacheDir?: string | undefined;
}

/** How a command that runs once keeps what it computed of its prompt for the next one. */
export const promptCacheOptions = (): readonly Option[] => [
  unless(
    new Option(
      '--prompt-cache [size]',
      'keep what is computed of the prompt on disk, for later ones that begin alike; no more than this size',
    ),
    'none; without a size, 8G',
  ).argParser(sizeOrNone),
  unless(new Option('--prompt-cache-dir <dir>', 'a folder that keeps it'), 'prompts in the cache folder'),
];

/** As a model wants it: nothing in memory, as one prompt has no use for it. Throws BAD_OPTION, IN_MEMORY, UNWRITABLE. */
export function promptCacheOf(
  { promptCache, promptCacheDir }: PromptCacheFlags,
  warn: (reason: Error) => void,
): PromptCacheOptions | undefined {
  if (promptCache === 0 || (promptCache === undefined && promptCacheDir === undefined)) return undefined;
  const usual = cacheFolder();
  const folder = promptCacheDir ?? (usual === undefined ? undefined : join(usual, 'prompts'));
  if (folder === undefined) {
    const expected = '--prompt-cache-dir beside it, as there is no home folder';
    throw new EngineError('BAD_OPTION', { option: '--prompt-cache', value: 'given', expected });
  }
  checkOnDisk(folder);
  checkFolder(folder);
  return { bytes: 0, folder, folderBytes: promptCache === 'auto' ? undefined : promptCache, warn };
}
