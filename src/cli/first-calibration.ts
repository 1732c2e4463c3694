import { at } from '../base/at.ts';
import { attempt } from '../base/attempt.ts';
import { watchOtherWork } from '../base/core-times.ts';
import { EngineError } from '../base/errors.ts';
import { type ModelFile, openModelFile } from '../gguf/model-file.ts';
import { calibrate } from '../pager/calibrate.ts';
import { betterCalibration, type SavedCalibration, saveCalibration, savedCalibration } from './calibrations.ts';
import { ioThreads } from './environment.ts';
import { Progress } from './print/progress.ts';
import { storageOf } from './storage.ts';

const MiB = 2 ** 20;
/** Bytes of files that tell something about their storage, and of memory that all settings are tried with. */
const enoughBytes = 64 * MiB;
/** Bytes by which a process grows as it calibrates: threads that read, and JavaScript. */
const growth = 16 * MiB;
/** Milliseconds that a command may be kept waiting. */
const patience = 1000;

type Files = ModelFile['files'];

const bytesOf = (files: Files): number => files.reduce((sum, { size }) => sum + size, 0);

/** Memory for a calibration in a process that may take `budget` bytes and has loaded no model yet. */
export const memoryWithin = (budget: number): number =>
  Math.max(0, Math.min(enoughBytes, budget - process.memoryUsage.rss() - growth));

/** Storages as they were calibrated in earlier commands, or else once in this one, in a second. */
export class FirstCalibrations {
  readonly #made: Map<string, SavedCalibration | undefined> = new Map();
  readonly #memory: number;
  readonly #wasDisturbed = watchOtherWork();

  /** Calibrations that take at most `memory` bytes. */
  constructor({ memory = enoughBytes }: { readonly memory?: number } = {}) {
    this.#memory = memory;
  }

  /**
   * The best way to read a model's storage; undefined for a small model whose storage nobody has measured, and where
   * measuring fails. A storage that was measured while other work was in the way is measured again in peace.
   */
  async of(files: Files): Promise<SavedCalibration | undefined> {
    const { path } = at(files, 0);
    const saved = savedCalibration(path);
    if (bytesOf(files) < enoughBytes) return saved;
    if (saved && (!saved.disturbed || this.#wasDisturbed(1))) return saved;
    const key = storageOf(path)?.key ?? path;
    if (!this.#made.has(key)) this.#made.set(key, await this.#make(files, saved));
    return this.#made.get(key);
  }

  async #make(files: Files, known: SavedCalibration | undefined): Promise<SavedCalibration | undefined> {
    using progress = new Progress(known ? 'measuring the storage again' : 'measuring the storage, once');
    try {
      const calibration = await calibrate(files, {
        inFlight: Math.max(1, ioThreads() - 1),
        memory: this.#memory,
        atMost: patience,
        onProgress: (share) => progress.show(`${Math.round(100 * share)} %`),
      });
      const better = betterCalibration(known, calibration);
      if (calibration.complete && better !== known) saveCalibration(at(files, 0).path, better);
      return better;
    } catch (error) {
      if (error instanceof EngineError) return known;
      throw error;
    }
  }
}

/** Bytes of a process that are no weights, at least: a model that leaves so many of its budget streams nothing. */
const spare = 128 * MiB;

/** True if weights of a model of so many bytes may stream under a budget. */
export const mayStream = (bytes: number, budget: number): boolean => bytes + spare > budget;

/** Calibrates the storages of models that may stream under a budget, each once, before they are opened elsewhere. */
export async function calibrateFor(
  models: readonly { readonly path: string; readonly size: number }[],
  budget: number,
): Promise<void> {
  const calibrations = new FirstCalibrations({ memory: budget / 2 });
  for (const { path, size } of models) {
    if (!mayStream(size, budget) || savedCalibration(path)) continue;
    const files = attempt(() => openModelFile(path).files);
    if (files) await calibrations.of(files);
  }
}
