import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../base/attempt.ts';
import { readTextFile, realPath } from '../base/regular-file.ts';
import { changeSharedFile } from '../base/shared-file.ts';
import type { DeviceKind } from '../ggml/device.ts';
import { forecastVersion } from '../plan/forecast-version.ts';
import type { KvOptions } from '../plan/kv-options.ts';
import type { Speeds } from '../plan/machine-speeds.ts';
import type { MeasuredModel } from '../plan/measured-model.ts';
import { parts } from '../plan/token-forecast.ts';
import type { ModelOutline } from './model-outline.ts';

const fileName = 'measured-models.json';
/** Number to raise when what is measured means something else; formulas and constants of forecasts count by themselves. */
const version = 7;
/** Models that are remembered; those that were measured last. */
const most = 200;
const mostBytes = 8 * 2 ** 20;

/** The way in which a model was computed. */
export interface ComputedWith {
  /** The kind of the device. */
  readonly device: DeviceKind;
  readonly threads: number;
  readonly kernels: string;
  /** The CPU variant of the kernels. */
  readonly variant: string | undefined;
  readonly kv?: KvOptions | undefined;
}

/**
 * A name for a model and its adapters, as their files are now, and the way in which it is computed; undefined once a file
 * is gone.
 */
export function measuredKey(
  { file, config, graphs }: ModelOutline,
  { device, threads, kernels, variant, kv: { type = 'f16', window, home = 'auto' } = {} }: ComputedWith,
): string | undefined {
  const model = attempt(() => ({
    files: file.files.map(({ path, size }) => [realPath(path), size, statSync(path).mtimeMs]),
    graphs: graphs.identity(config.context),
  }));
  if (!model) return undefined;
  const facts = { version, forecasts: forecastVersion(), ...model, builder: graphs.builder };
  const way = { device, threads, kernels, variant, kv: { type, window, home } };
  return createHash('sha256')
    .update(JSON.stringify({ ...facts, ...way }))
    .digest('hex');
}

/** A name for the machine's way to compute any model. */
export const wayOf = ({ device, threads, kernels, variant }: ComputedWith): string =>
  [device, variant, threads, kernels].join(' ');

/** Findings as they are saved, with the way in which the model was computed. */
export interface SavedModel extends MeasuredModel {
  readonly way: string;
}

/** The findings about a model, if `folder` has sound ones. */
export function measuredModel(folder: string, key: string): MeasuredModel | undefined {
  const saved = readAll(folder).get(key);
  if (!saved) return undefined;
  const { way: _, ...model } = saved;
  return model;
}

/** Speeds of the model that was last measured in this way and read something, whichever it was. */
export const lastSpeeds = (folder: string, way: string): Speeds | undefined =>
  [...readAll(folder).values()].findLast((model) => {
    const { ring, experts } = model.speeds;
    return model.way === way && (ring.length > 0 || experts !== null);
  })?.speeds;

/** Saves findings beside those about other models. Throws FILE_IN_USE, UNWRITABLE, and the errors of the system. */
export function saveMeasured(folder: string, key: string, { way, ...found }: SavedModel): void {
  changeSharedFile(folder, fileName, () => {
    const all = readAll(folder);
    all.delete(key);
    const entries = [...all, [key, { way, ...found }] as const].slice(-most);
    return `${JSON.stringify(Object.fromEntries(entries))}\n`;
  });
}

/** The sound entries of the file. A missing, unreadable or damaged file has none. */
function readAll(folder: string): Map<string, SavedModel> {
  const content = attempt(() => JSON.parse(readTextFile(join(folder, fileName), mostBytes)) as unknown);
  return new Map(Object.entries(content ?? {}).filter((entry): entry is [string, SavedModel] => isMeasured(entry[1])));
}

type Loose = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Loose => typeof value === 'object' && value !== null;
const isPositive = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value) && value > 0;
const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value) && value >= 0;

function isMeasured(value: unknown): value is SavedModel {
  if (!isObject(value) || typeof value['way'] !== 'string') return false;
  const { speeds, factors, hits, disturbed } = value;
  if (!isObject(disturbed) || typeof disturbed['kernels'] !== 'boolean' || typeof disturbed['run'] !== 'boolean')
    return false;
  return isSpeeds(speeds) && isFactors(factors) && Array.isArray(hits) && hits.every(isCurve);
}

function isSpeeds(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { read, reads, plain, converted, step, half, further, rest, choice } = value;
  const rates = [plain, converted].filter((rate) => rate !== null);
  if (rates.length === 0 || !rates.every(isPositive) || !isPositive(read) || !isObject(reads)) return false;
  if (!isObject(half) || !isPositive(half['slower']) || !isCount(half['step'])) return false;
  if (![value, half].every(({ ring, experts }) => isRing(ring) && (experts === null || isBeside(experts))))
    return false;
  const { each, core: alone, coreByte } = reads;
  return [step, further, rest, choice, each, alone, coreByte].every(isCount);
}

const isBeside = (value: unknown): boolean =>
  isObject(value) && isPositive(value['read']) && isPositive(value['bytes']) && isCount(value['core']);

const isRing = (value: unknown): boolean => Array.isArray(value) && value.every(isBeside);

const isFactors = (value: unknown): boolean =>
  isObject(value) && parts.every((part) => value[part] === undefined || isPositive(value[part]));

function isCurve(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { asked, depths } = value;
  if (!isCount(asked) || !Array.isArray(depths) || !depths.every(isCount)) return false;
  return depths.reduce((sum: number, uses: number) => sum + uses, 0) <= asked * (1 + 1e-9);
}
