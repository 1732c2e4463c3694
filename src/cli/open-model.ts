import type { Model } from '../engine/model.ts';
import type { Reading } from '../stream/reader.ts';
import { knownReading } from './calibrations.ts';
import { debugLog } from './debug.ts';
import { ioThreads } from './environment.ts';
import { kvOf } from './kv-options.ts';
import type { ModelFlags } from './model-flags.ts';
import { budgetOf, draftOf } from './options.ts';
import { warn } from './output.ts';
import { promptCacheOf } from './prompt-cache-options.ts';
import { ropeOf } from './rope-options.ts';

/**
 * Opens a model as a command was told to, to be read as `reading` says: left out, as its device was found to be read
 * best. Rejects with the errors of `Model.open`.
 */
export async function openModel(
  path: string,
  flags: ModelFlags,
  reading: Reading | undefined = knownReading(path),
): Promise<Model> {
  // Other commands, and --help, begin without what only answering needs.
  const { Model } = await import('../engine/model.ts');
  const { threads, kernels } = flags;
  const machine = { memoryBudget: budgetOf(flags), threads, kernels, ioThreads: ioThreads(), reading };
  const promptCache = promptCacheOf(flags, warn);
  return Model.open(path, {
    ...machine,
    kv: kvOf(flags),
    rope: ropeOf(flags),
    draft: draftOf(flags),
    promptCache,
    warn,
    debug: await debugLog(),
  });
}
