import type { Config, Stage } from '../arch/architecture.ts';
import { architectureOf } from '../arch/registry.ts';
import type { RopeOptions } from '../arch/rope.ts';
import { EngineError } from '../base/errors.ts';
import type { Debug } from '../base/log.ts';
import { manifestOf } from '../exec/measure.ts';
import { evictFile } from '../ggml/system.ts';
import { type ModelFile, openModelFile } from '../gguf/model-file.ts';
import { type KvType, kvTypes, type Window } from '../plan/kv-options.ts';
import type { ManifestEntry, Plan } from '../plan/plan.ts';
import { type KvShape, kvTypeOf } from '../state/kv-shape.ts';

/** A model as its header describes it: no weight has been read. */
export interface ModelOutline {
  readonly path: string;
  readonly file: ModelFile;
  readonly config: Config;
  readonly stages: readonly Stage[];
}

/** Reads the header of a GGUF file; the model rotates as `rope` wants it. Throws the errors of gguf/ and arch/. */
export function openOutline(path: string, rope?: RopeOptions, debug?: Debug): ModelOutline {
  const file = openModelFile(path);
  const architecture = architectureOf(file.metadata.string('general.architecture'));
  const config = architecture.config(file.metadata, rope);
  const stages = architecture.stages(config);
  const outline = { path, file, config, stages };
  const { layers, context, vocabulary } = config;
  const files = file.files.map(({ path, size }) => ({ path, size }));
  debug?.('header read', { files, architecture: config.architecture, layers, context, vocabulary });
  evictFiles(outline);
  return outline;
}

/**
 * The weights that a pass reads in a context of so many tokens, in order of first use: each is there, of a type and
 * shape that can be computed on. Throws MISSING_TENSOR, WRONG_SHAPE, UNSUPPORTED_TENSOR_TYPE.
 */
export const manifestFor = (
  { config, stages, file }: ModelOutline,
  context: number,
  window?: Window,
): readonly ManifestEntry[] =>
  manifestOf({ stages, weights: file.weights, kv: kvShapeOf(config, { ...usual, context, window }) });

/** Evicts the model's files from the page cache: reading headers and vocabularies reads ahead, 8 MiB and more. */
export function evictFiles({ file }: ModelOutline): void {
  for (const { path } of file.files) evictFile(path);
}

/** The values that a sequence's keys and values depend on, beside the model. */
type KvShapeOptions = Pick<Plan, 'context' | 'kvType' | 'window' | 'kvHomes' | 'batch' | 'ahead'>;

const usual = { kvType: 'f16', kvHomes: undefined, batch: 1, ahead: 0 } as const;

/**
 * The shape of one sequence's keys and values. A layer with a window of its own keeps to it, and to as many tokens as
 * the others: it has learned to lose sight of the first ones.
 */
export function kvShapeOf(config: Config, options: KvShapeOptions): KvShape {
  const { context, kvType, window, kvHomes, batch, ahead } = options;
  const { layers, kvHeads, keyLength, valueLength } = config;
  const own = config.window;
  const most = window ? window.tokens + window.sinks : Number.POSITIVE_INFINITY;
  const seen = Array.from({ length: layers }, (_, il): Window | null =>
    own?.layers[il] ? { tokens: Math.min(own.tokens, most), sinks: 0 } : (window ?? null),
  );
  const shape = { layers, kvHeads, keyLength, valueLength, context, type: kvType, ...(kvHomes && { homes: kvHomes }) };
  return seen.every((layer) => layer === null) ? shape : { ...shape, windows: seen, pass: Math.max(batch, 1 + ahead) };
}

/** True if the heads of a model are whole blocks of `type`. */
export function fitsKvType({ keyLength, valueLength }: Config, type: KvType): boolean {
  const { block } = kvTypeOf(type);
  return keyLength % block === 0 && valueLength % block === 0;
}

/** Throws KV_TYPE_UNSUITABLE if keys and values cannot be stored as `type`, BAD_OPTION if nothing can. */
export function checkKvType({ config }: ModelOutline, type: KvType): void {
  if (!kvTypes.includes(type)) {
    throw new EngineError('BAD_OPTION', { option: 'kvType', value: `${type}`, expected: kvTypes.join(', ') });
  }
  if (fitsKvType(config, type)) return;
  const length = config.keyLength % kvTypeOf(type).block === 0 ? config.valueLength : config.keyLength;
  throw new EngineError('KV_TYPE_UNSUITABLE', { type, length });
}
