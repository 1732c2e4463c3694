import { checkFolder } from '../../base/folder.ts';
import { checkOnDisk } from '../../base/memory-folder.ts';
import type { ModelSettings } from '../../model/model-options.ts';
import type { DevicePlan } from '../forecast.ts';
import { type ChosenModel, locateCalled } from '../locate-model.ts';
import { idleThoughts } from '../options/idle-thoughts.ts';
import { modelSettingsOf } from '../options/model-settings.ts';
import type { Settings } from '../options/table.ts';
import { logTo } from '../print/log.ts';
import { logNotes, warn } from '../print/output.ts';

/** Serves models until the process is told to stop. */
export async function serveCommand(given: Settings): Promise<void> {
  const { logLevel, logFormat = process.stderr.isTTY ? 'text' : 'json' } = given;
  const log = logTo(logLevel, process.stderr.fd, logFormat);
  logNotes(logFormat === 'json' ? log : undefined);
  const { models: named, settings } = await locateCalled(given.files, given);
  const { memoryBudget, threads, parallel = 'auto', promptCache: bytes = 'auto', promptCacheDir, kvDir } = settings;
  const { think, thinkBudget } = settings;
  const { budgetFor, threadsFor } = await import('../../runtime/machine.ts');
  budgetFor(memoryBudget, warn);
  for (const line of idleThoughts(settings, true)) warn(new Error(line));
  if (promptCacheDir !== undefined) checkOnDisk(promptCacheDir);
  // A folder that takes no files is found out now, not by the first request.
  for (const folder of [promptCacheDir, kvDir]) if (folder !== undefined) checkFolder(folder);
  const engine: ModelSettings = {
    ...modelSettingsOf(settings),
    think,
    thinkBudget,
    parallel,
    promptCache: { bytes, folder: promptCacheDir },
    threads: threads === undefined ? undefined : threadsFor(threads, warn),
  };
  const plans = await plansOf(named, engine);
  const { serveModels } = await import('./serve-models.ts');
  await serveModels(settings, engine, { named, plans, log, logFormat });
}

/** The plans of the models that were named, by their path. Rejects with the errors of those that cannot run. */
async function plansOf(
  models: readonly ChosenModel[],
  engine: ModelSettings,
): Promise<ReadonlyMap<string, DevicePlan>> {
  const { openOutline } = await import('../../runtime/model-outline.ts');
  const { checkTokenizer } = await import('../../text/check-tokenizer.ts');
  const { DrafterFactory } = await import('../../engine/draft/drafter-factory.ts');
  const { withAdapters } = await import('../../model/preset.ts');
  const { forecast } = await import('../forecast.ts');
  const planned = models.map(({ path, preset }) => {
    const options = { ...engine, preset };
    const outline = openOutline(path, withAdapters(options));
    checkTokenizer(outline.file.metadata);
    const planned = forecast(outline, options, DrafterFactory.open(engine.draft ?? {}, outline, engine.trialFolder));
    return [path, planned] as const;
  });
  return new Map(planned);
}
