import { evictFile } from '../ggml/system.ts';
import { type ModelFile, openModelFile } from '../gguf/model-file.ts';
import type { KvShape } from '../kv/store.ts';
import type { Config, Stage } from '../model/architecture.ts';
import { architectureOf } from '../model/index.ts';
import type { ManifestEntry } from '../plan/plan.ts';
import { manifestOf } from '../run/measure.ts';

/** A model as far as its header describes it: no weight has been read. */
export interface ModelOutline {
  readonly path: string;
  readonly file: ModelFile;
  readonly config: Config;
  readonly stages: readonly Stage[];
  /** The weights that a pass reads, in order of first use. */
  readonly manifest: readonly ManifestEntry[];
}

/**
 * Reads the header of a GGUF file and checks that the model is one we can run, every tensor by name, type and shape.
 * Throws the errors of gguf/ and model/, MISSING_TENSOR, WRONG_SHAPE, UNSUPPORTED_TENSOR_TYPE.
 */
export function openOutline(path: string): ModelOutline {
  const file = openModelFile(path);
  const architecture = architectureOf(file.metadata.string('general.architecture'));
  const config = architecture.config(file.metadata);
  const stages = architecture.stages(config);
  const manifest = manifestOf({ stages, weights: file.weights, kv: kvShapeOf(config, config.context) });
  const outline = { path, file, config, stages, manifest };
  evictFiles(outline);
  return outline;
}

/** Leaves nothing of the model in the page cache: reading headers and vocabularies reads ahead, 8 MiB and more. */
export function evictFiles({ file }: ModelOutline): void {
  for (const { path } of file.files) evictFile(path);
}

/** What one sequence of up to `context` tokens keeps. */
export const kvShapeOf = (config: Config, context: number): KvShape => ({
  layers: config.layers,
  kvHeads: config.kvHeads,
  keyLength: config.keyLength,
  valueLength: config.valueLength,
  context,
});
