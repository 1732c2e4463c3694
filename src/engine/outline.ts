import { EngineError } from '../base/errors.ts';
import { evictFile } from '../ggml/system.ts';
import { type ModelFile, openModelFile } from '../gguf/model-file.ts';
import { type KvShape, typeNamed } from '../kv/store.ts';
import type { Config, Stage } from '../model/architecture.ts';
import { architectureOf } from '../model/index.ts';
import { type KvType, kvTypes } from '../plan/kv-type.ts';
import type { ManifestEntry } from '../plan/plan.ts';
import { manifestOf } from '../run/measure.ts';

/** A model as far as its header describes it: no weight has been read. */
export interface ModelOutline {
  readonly path: string;
  readonly file: ModelFile;
  readonly config: Config;
  readonly stages: readonly Stage[];
}

/** Reads the header of a GGUF file. Throws the errors of gguf/ and model/. */
export function openOutline(path: string): ModelOutline {
  const file = openModelFile(path);
  const architecture = architectureOf(file.metadata.string('general.architecture'));
  const config = architecture.config(file.metadata);
  const stages = architecture.stages(config);
  const outline = { path, file, config, stages };
  evictFiles(outline);
  return outline;
}

/**
 * The weights that a pass reads in a context of so many tokens, in order of first use: each is there, of a type and
 * shape that can be computed on. Throws MISSING_TENSOR, WRONG_SHAPE, UNSUPPORTED_TENSOR_TYPE.
 */
export const manifestIn = ({ config, stages, file }: ModelOutline, context: number): readonly ManifestEntry[] =>
  manifestOf({ stages, weights: file.weights, kv: kvShapeOf(config, context) });

/** Leaves nothing of the model in the page cache: reading headers and vocabularies reads ahead, 8 MiB and more. */
export function evictFiles({ file }: ModelOutline): void {
  for (const { path } of file.files) evictFile(path);
}

/** What one sequence of up to `context` tokens keeps. */
export const kvShapeOf = (config: Config, context: number, type: KvType = 'f16'): KvShape => ({
  layers: config.layers,
  kvHeads: config.kvHeads,
  keyLength: config.keyLength,
  valueLength: config.valueLength,
  context,
  type,
});

/** The heads of a model are whole blocks of `type`. */
export function suits({ keyLength, valueLength }: Config, type: KvType): boolean {
  const { block } = typeNamed(type);
  return keyLength % block === 0 && valueLength % block === 0;
}

/** Throws KV_TYPE_UNSUITABLE if keys and values cannot be stored as `type`, BAD_OPTION if nothing can. */
export function checkKvType({ config }: ModelOutline, type: KvType): void {
  if (!kvTypes.includes(type)) {
    throw new EngineError('BAD_OPTION', { option: 'kvType', value: `${type}`, expected: kvTypes.join(', ') });
  }
  if (suits(config, type)) return;
  const length = config.keyLength % typeNamed(type).block === 0 ? config.valueLength : config.keyLength;
  throw new EngineError('KV_TYPE_UNSUITABLE', { type, length });
}
