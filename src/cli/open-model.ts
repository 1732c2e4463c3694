import { EngineError } from '../base/errors.ts';
import { openModelFile } from '../gguf/model-file.ts';
import type { Model } from '../model/model.ts';
import type { ModelSettings } from '../model/model-options.ts';
import { budgetFor } from '../runtime/machine.ts';
import { type SavedCalibration, savedCalibration } from './calibrations.ts';
import { FirstCalibrations, mayStream, memoryWithin } from './first-calibration.ts';
import type { ChosenModel } from './locate-model.ts';
import { modelSettingsOf, promptFilesOf } from './options/model-settings.ts';
import type { Settings } from './options/table.ts';
import { debugLog } from './print/debug.ts';
import { warn } from './print/output.ts';

interface OpenOptions extends Pick<ModelSettings, 'reading' | 'parallel'> {
  /** True for a command that wants embeddings, no answers. */
  readonly embeds?: boolean;
}

/**
 * Opens a model for a command, by default for one sequence, read in the way that was found best. Rejects
 * with the errors of `Model.open`.
 */
export async function openModel(
  { path, preset }: ChosenModel,
  settings: Settings,
  { reading, parallel, embeds = false }: OpenOptions = {},
): Promise<Model> {
  // Other commands, and --help, start without this module, which only answers need.
  const { Model } = await import('../model/model.ts');
  const promptCache = promptFilesOf(settings);
  const model = Model.open(path, {
    ...modelSettingsOf(settings),
    preset,
    parallel,
    promptCache,
    reading: reading ?? (await readingFor(path, settings)),
    warn,
    debug: await debugLog(settings),
  });
  if (model.device.kind !== 'cpu') {
    const { tellDriverEnd } = await import('./driver-end.ts');
    tellDriverEnd(model.device.name);
  }
  // A prompt need not be read to know.
  if (!embeds && model.outline.graphs.wholeTexts) {
    await model[Symbol.asyncDispose]();
    throw new EngineError('NOT_FOR_ANSWERS', { file: path });
  }
  return model;
}

/** The best way to read a model that may stream: measured now, in a second, where nobody has before. */
async function readingFor(path: string, { memoryBudget }: Settings): Promise<SavedCalibration | undefined> {
  const saved = savedCalibration(path);
  if (saved) return saved;
  const { files, bytes } = openModelFile(path);
  // The model warns of its budget itself.
  const budget = budgetFor(memoryBudget);
  if (!mayStream(bytes, budget)) return undefined;
  return new FirstCalibrations({ memory: memoryWithin(budget) }).of(files);
}
