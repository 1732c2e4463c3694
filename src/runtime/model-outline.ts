import type { Config } from '../arch/architecture.ts';
import { architectureOf } from '../arch/registry.ts';
import type { RopeOptions } from '../arch/rope.ts';
import { EngineError } from '../base/errors.ts';
import type { Debug } from '../base/log.ts';
import { evictFile } from '../ggml/system.ts';
import { type ModelFile, openModelFile } from '../gguf/model-file.ts';
import { type KvType, kvTypes } from '../plan/kv-options.ts';
import { kvTypeOf } from '../state/kv-shape.ts';
import type { ModelGraphs } from './model-graphs.ts';
import { OwnModelGraphs } from './own-model-graphs.ts';

/** A model as its header describes it: no weight has been read. */
export interface ModelOutline {
  readonly path: string;
  readonly file: ModelFile;
  readonly config: ModelFacts;
  readonly graphs: ModelGraphs;
}

/** Facts of a model that are known whoever builds its graphs. */
export type ModelFacts = Pick<
  Config,
  'architecture' | 'layers' | 'width' | 'heads' | 'kvHeads' | 'vocabulary' | 'context' | 'rope'
>;

/** Reads the header of a GGUF file; the model rotates as `rope` wants it. Throws the errors of gguf/ and arch/. */
export function openOutline(path: string, rope?: RopeOptions, debug?: Debug): ModelOutline {
  const file = openModelFile(path);
  const architecture = architectureOf(file.metadata.string('general.architecture'));
  const config = architecture.config(file.metadata, rope);
  const outline = { path, file, config, graphs: new OwnModelGraphs(config, architecture.stages(config), file.weights) };
  const { layers, context, vocabulary } = config;
  const files = file.files.map(({ path, size }) => ({ path, size }));
  debug?.('header read', { files, architecture: config.architecture, layers, context, vocabulary });
  evictFiles(outline);
  return outline;
}

/** Evicts the model's files from the page cache: reading headers and vocabularies reads ahead, 8 MiB and more. */
export function evictFiles({ file }: Pick<ModelOutline, 'file'>): void {
  for (const { path } of file.files) evictFile(path);
}

/** Lengths of rows that are not whole blocks of `type`. */
const unsuitable = ({ graphs }: ModelOutline, type: KvType): readonly number[] =>
  graphs.rowLengths.filter((length) => length % kvTypeOf(type).block !== 0);

/** True if the rows of a model's keys and values are whole blocks of `type`. */
export const fitsKvType = (outline: ModelOutline, type: KvType): boolean => unsuitable(outline, type).length === 0;

/** Throws KV_TYPE_UNSUITABLE if keys and values cannot be stored as `type`, BAD_OPTION if nothing can. */
export function checkKvType(outline: ModelOutline, type: KvType): void {
  if (!kvTypes.includes(type)) {
    throw new EngineError('BAD_OPTION', { option: 'kv.type', value: `${type}`, expected: kvTypes.join(', ') });
  }
  const [length] = unsuitable(outline, type);
  if (length !== undefined) throw new EngineError('KV_TYPE_UNSUITABLE', { type, length });
}
