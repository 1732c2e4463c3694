import { join } from 'node:path';
import { attempt } from '../base/attempt.ts';
import { readTextFile } from '../base/regular-file.ts';
import { changeSharedFile } from '../base/shared-file.ts';
import { pageBytes } from '../ggml/system.ts';
import type { Calibration } from '../pager/calibrate.ts';
import type { ReadCosts } from '../plan/machine-speeds.ts';
import { cacheFolder } from './environment.ts';
import { storageOf } from './storage.ts';

/** The saved part of a calibration. Earlier versions saved no costs. */
export type SavedCalibration = Omit<Calibration, 'complete' | 'costs' | 'disturbed'> &
  Partial<Pick<Calibration, 'costs' | 'disturbed'>>;

const fileName = 'calibrations.json';
/** Bytes of the largest file; thousands of devices take less. */
const mostBytes = 2 ** 20;

/** The best way to read the storage that holds `path`, if it was saved and is sound. */
export function savedCalibration(
  path: string,
  folder: string | undefined = cacheFolder(),
): SavedCalibration | undefined {
  const storage = storageOf(path);
  return storage && folder !== undefined ? readAll(folder).get(storage.key) : undefined;
}

/**
 * Saves the best way to read the storage that holds `path`, beside those of others. Returns false where nothing can be
 * saved, which is harmless: it can be measured again.
 */
export function saveCalibration(
  path: string,
  calibration: SavedCalibration,
  folder: string | undefined = cacheFolder(),
): boolean {
  const storage = storageOf(path);
  if (!storage || folder === undefined) return false;
  const { bytesPerSecond, chunkBytes, inFlight, direct, costs, disturbed } = calibration;
  const saved = {
    bytesPerSecond,
    chunkBytes,
    inFlight,
    direct,
    ...(costs && { costs }),
    ...(disturbed && { disturbed }),
  };
  const kept = attempt(() => {
    changeSharedFile(folder, fileName, () => {
      const all = readAll(folder).set(storage.key, saved);
      return `${JSON.stringify(Object.fromEntries(all), undefined, 2)}\n`;
    });
    return true;
  });
  return kept ?? false;
}

/** The sound entries of the file. A missing, unreadable or damaged file has none. */
function readAll(folder: string): Map<string, SavedCalibration> {
  try {
    const content: unknown = JSON.parse(readTextFile(join(folder, fileName), mostBytes));
    const sound = Object.entries(content ?? {}).filter((entry): entry is [string, SavedCalibration] =>
      isSound(entry[1]),
    );
    return new Map(sound);
  } catch {
    return new Map();
  }
}

function isSound(value: unknown): value is SavedCalibration {
  if (typeof value !== 'object' || value === null) return false;
  const { bytesPerSecond, chunkBytes, inFlight, direct, costs, disturbed } = value as Readonly<Record<string, unknown>>;
  return (
    (costs === undefined || areCosts(costs)) &&
    (disturbed === undefined || typeof disturbed === 'boolean') &&
    isWhole(chunkBytes, pageBytes, 2 ** 30) &&
    chunkBytes % pageBytes === 0 &&
    isWhole(inFlight, 1, 1024) &&
    typeof bytesPerSecond === 'number' &&
    Number.isFinite(bytesPerSecond) &&
    bytesPerSecond > 0 &&
    typeof direct === 'boolean'
  );
}

function areCosts(value: unknown): value is ReadCosts {
  if (typeof value !== 'object' || value === null) return false;
  const { each, core, coreByte } = value as Readonly<Record<string, unknown>>;
  return [each, core, coreByte].every((cost) => typeof cost === 'number' && Number.isFinite(cost) && cost >= 0);
}

/** The better of two findings about a storage: one that nothing disturbed, or else the faster one. */
export const betterCalibration = (known: SavedCalibration | undefined, found: SavedCalibration): SavedCalibration =>
  known?.disturbed && found.disturbed && known.bytesPerSecond > found.bytesPerSecond ? known : found;

const isWhole = (value: unknown, min: number, max: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
