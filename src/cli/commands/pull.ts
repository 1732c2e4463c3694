import { at } from '../../base/at.ts';
import { formatBytes } from '../../base/bytes.ts';
import { EngineError } from '../../base/errors.ts';
import type { DownloadPlan, PullEvent } from '../../download/download.ts';
import { pullModel } from '../../download/pull-model.ts';
import { alreadyThere } from '../../download/pull-source.ts';
import { openOutline } from '../../runtime/model-outline.ts';
import { savedCalibration } from '../calibrations.ts';
import { webOptions } from '../download-settings.ts';
import { interruptible } from '../interrupt.ts';
import { wholeLibrary } from '../open-library.ts';
import { modelSettingsOf } from '../options/model-settings.ts';
import type { Settings } from '../options/table.ts';
import { note, write } from '../print/output.ts';
import { printable } from '../print/printable.ts';
import { Progress } from '../print/progress.ts';
import type { ProgressState } from '../print/progress-line.ts';
import { planText, tryPlan } from './info.ts';

/** Downloads a model, unless there is one of this name, after its plan has been shown. */
export async function pullCommand(settings: Settings, [name = '']: readonly string[]): Promise<void> {
  const library = wholeLibrary(settings.models);
  const there = alreadyThere(name, (wanted, options) => library.find(wanted, options));
  if (there) return write(`${printable(there.name)} is there already: ${printable(there.path)}\n`);
  const store = library.ownStore;
  if (store === undefined) {
    throw new EngineError('BAD_OPTION', { option: 'models', value: 'of a user without a home', expected: 'a folder' });
  }
  await interruptible(async ({ signal }) => {
    using progress = new PullProgress();
    const onEvent = (event: PullEvent): void => progress.show(event);
    const onPlan = (plan: DownloadPlan): Promise<void> => showPlan(plan, settings);
    const pulled = await pullModel(name, {
      web: webOptions(),
      store,
      signal,
      insecure: settings.insecure,
      onEvent,
      onPlan,
    });
    progress[Symbol.dispose]();
    await write(`${pulled} is there: ssd-llm run ${pulled}\n`);
  });
  if (process.exitCode !== undefined) note('what has come is kept: pull it again to go on');
}

/** Prints how a model will run that has not been downloaded yet. Rejects with the errors of models that cannot run. */
async function showPlan({ path, bytes, missing, free }: DownloadPlan, settings: Settings): Promise<void> {
  const engine = modelSettingsOf(settings);
  const outline = openOutline(path, engine);
  using _ = outline.graphs;
  // Reading what has not come tells nothing of the storage.
  const calibrations = { of: async (files: readonly { path: string }[]) => savedCalibration(at(files, 0).path) };
  const found = await tryPlan(outline, engine, { models: settings.models, calibrations, present: false });
  const lines = found instanceof EngineError ? [found.message] : planText(found, engine.memoryBudget === undefined);
  const room = free === undefined ? '' : `, ${formatBytes(free)} free on the disk`;
  const rest = missing < bytes ? `, ${formatBytes(missing)} of them still to come` : '';
  await write(`${[...lines, `${formatBytes(bytes)} to download${rest}${room}`].join('\n')}\n`);
}

/** The one line of progress that a download has at a terminal, and notes in between. */
class PullProgress implements Disposable {
  #line: Progress | undefined;
  #title = '';
  /** Bytes that were there when the line began. */
  #before = 0;

  show(event: PullEvent): void {
    if (event.kind === 'note') this.#note(event.text);
    if (event.kind === 'waiting') this.#note('another process downloads this model: waiting for it');
    if (event.kind === 'bytes') this.#update('pulling', event.all);
    if (event.kind === 'checking') this.#update('checking', event.all);
  }

  #update(title: string, all: ProgressState): void {
    if (title !== this.#title) {
      this[Symbol.dispose]();
      this.#line = new Progress(title);
      this.#title = title;
      this.#before = all.done;
    }
    this.#line?.update({ ...all, before: this.#before });
  }

  #note(text: string): void {
    this.#line?.clear();
    note(printable(text));
  }

  [Symbol.dispose](): void {
    this.#line?.[Symbol.dispose]();
  }
}
