import { fstatSync, read, statSync } from 'node:fs';
import type { DraftOptions } from '../../src/engine/draft/drafter.ts';
import { Model } from '../../src/model/model.ts';
import type { ModelOptions } from '../../src/model/model-options.ts';
import type { ReadAt } from '../../src/pager/reader.ts';
import { writeBytePair } from './model-files.ts';
import { openTestModel } from './open-model.ts';

const MiB = 2 ** 20;
const shape = { layers: 1, width: 128, heads: 4, kvHeads: 2, feedForward: 256, vocabulary: 400, context: 256 };

/** Writes a model that knows the tokens of the batch model, and has no idea what comes next; `changes` to its shape. */
export const writeNoiseModel = (path: string, changes: Partial<typeof shape> = {}): string =>
  writeBytePair(path, { ...shape, ...changes }, { seed: 9, type: 'f32' });

export interface DraftedOptions extends ModelOptions {
  readonly draft: DraftOptions;
  /** Under a budget that most of the other model's weights do not fit in. */
  readonly streamed?: boolean;
}

/** Bytes of a draft model, for so many sequences. */
async function draftBytes(path: string, options: DraftedOptions): Promise<number> {
  await using model = Model.open(path, { threads: 1, context: 256, kernels: 'plain', ...options });
  return model.plan().shares.draft;
}

/** Opens the batch model with a draft model, with kernels whose results do not depend on the budget. */
export async function openDrafted(path: string, { streamed = false, ...options }: DraftedOptions): Promise<Model> {
  const { parallel = 4 } = options;
  const sequences = typeof parallel === 'number' ? parallel : 1;
  const beside =
    (1.5 * sequences + (streamed ? 12 : 64)) * MiB + (await draftBytes(path, { ...options, parallel: sequences }));
  return openTestModel(path, beside, { context: 256, parallel, ...options });
}

/** Reads as ever, and calls `seen` before each read of the file at `path`, which waits for it and fails if it does. */
export function watchedReads(path: string, seen: () => Promise<void> | void): ReadAt {
  const { ino } = statSync(path);
  return (fd, into, position, done) => {
    const watched = async (): Promise<void> => (fstatSync(fd).ino === ino ? seen() : undefined);
    watched().then(
      () => read(fd, into, 0, into.length, position, done),
      (error: Error) => done(error, 0),
    );
  };
}
