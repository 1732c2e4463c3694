import { decodableArchitectures, refusedArchitectures } from '../arch/decodable.ts';
import { encoderArchitectures, isEncoder, wholePooling } from '../arch/encoders.ts';
import { type ModelFacts, readFacts } from '../arch/facts.ts';
import { type FilePooling, readPooling } from '../arch/pooling.ts';
import { ownArchitectures } from '../arch/registry.ts';
import type { RopeOptions } from '../arch/rope.ts';
import { EngineError } from '../base/errors.ts';
import type { Debug } from '../base/log.ts';
import { evictFile } from '../ggml/system.ts';
import { type ModelFile, openModelFile } from '../gguf/model-file.ts';
import { type KvOptions, type KvType, kvTypes } from '../plan/kv-options.ts';
import { kvTypeOf } from '../state/kv-shape.ts';
import { LlamaModelGraphs } from './llama-model-graphs.ts';
import { isAdapter, type LoraAdapter, type LoraOption, openAdapter } from './lora-adapters.ts';
import type { ModelGraphs } from './model-graphs.ts';
import { OwnModelGraphs } from './own-model-graphs.ts';

/** A model as its header describes it: no weight has been read. */
export interface ModelOutline {
  readonly path: string;
  readonly file: ModelFile;
  readonly config: ModelFacts;
  readonly graphs: ModelGraphs;
  readonly pooling: FilePooling;
}

/**
 * Builders of graphs: ours, libllama, or ours for the families that have some.
 *
 * @example const graphs: GraphChoice = 'libllama';
 */
export type GraphChoice = 'auto' | 'own' | 'libllama';

/** Options that decide how a file is understood. */
export interface OutlineOptions {
  /** Rotation of positions; default: as the metadata say. */
  readonly rope?: RopeOptions | undefined;
  /** Default: auto. */
  readonly graphs?: GraphChoice | undefined;
  /** LoRA adapters, all of which are applied: libllama's graphs do that. */
  readonly loras?: readonly LoraOption[] | undefined;
  /** A folder that remembers which models libllama was tried with; default: each process tries them anew. */
  readonly trialFolder?: string | undefined;
}

/** Reads the header of a GGUF file. Throws the errors of gguf/ and arch/, UNKNOWN_ARCHITECTURE, ARCHITECTURE_REFUSED, NO_OWN_GRAPHS, UNSUPPORTED_MODEL. */
export function openOutline(path: string, options: OutlineOptions = {}, debug?: Debug): ModelOutline {
  const file = openModelFile(path);
  if (isAdapter(file.metadata)) throw new EngineError('NOT_A_MODEL', { file: path });
  const pooling = readPooling(file.metadata);
  checkCausal(file);
  const outline = {
    path,
    file,
    pooling,
    ...(ownGraphs(file, pooling, options) ?? librarysGraphs(file, pooling, options)),
  };
  const { architecture, layers, context, vocabulary } = outline.config;
  const files = file.files.map(({ path, size }) => ({ path, size }));
  debug?.('header read', { files, architecture, layers, context, vocabulary });
  evictFiles(outline);
  return outline;
}

type GraphsOf = Pick<ModelOutline, 'config' | 'graphs'>;

/** Throws UNSUPPORTED_MODEL for a decoder that was trained further to see a text as a whole. */
function checkCausal({ metadata }: ModelFile): void {
  const architecture = metadata.string('general.architecture');
  if (isEncoder(architecture) || metadata.boolean(`${architecture}.attention.causal`, true)) return;
  throw new EngineError('UNSUPPORTED_MODEL', { what: 'tokens that see those behind them, in a decoder' });
}

/** True where embeddings of all tokens of a text are wanted, not of the last one alone. */
const embedsAll = (pooling: FilePooling): boolean => pooling === 'mean' || pooling === 'first';

/** Graphs of our own; undefined where libllama's are to be had instead. */
function ownGraphs(
  { metadata, weights }: ModelFile,
  pooling: FilePooling,
  { rope, graphs = 'auto', loras = [] }: OutlineOptions,
): GraphsOf | undefined {
  if (graphs === 'libllama') return undefined;
  if (loras.length > 0) {
    if (graphs === 'auto') return undefined;
    throw new EngineError('NO_OWN_GRAPHS', { what: 'a model with LoRA adapters (--lora)' });
  }
  const name = metadata.string('general.architecture');
  const family = ownArchitectures.get(name);
  if (!family) {
    if (graphs === 'auto') return undefined;
    throw new EngineError('NO_OWN_GRAPHS', { what: `a model of architecture "${name}"` });
  }
  try {
    const config = family.config(metadata, rope);
    return {
      config,
      graphs: new OwnModelGraphs(config, family.stages(config), { weights, embedsAll: embedsAll(pooling) }),
    };
  } catch (error) {
    // A family's members may have what its graphs of ours do not, such as experts.
    if (!(error instanceof EngineError) || error.code !== 'UNSUPPORTED_MODEL') throw error;
    if (graphs === 'auto') return undefined;
    const { what } = (error as EngineError<'UNSUPPORTED_MODEL'>).details;
    throw new EngineError('NO_OWN_GRAPHS', { what: `a model of architecture "${name}" with ${what}` });
  }
}

function librarysGraphs(file: ModelFile, pooling: FilePooling, options: OutlineOptions): GraphsOf {
  const { rope, trialFolder } = options;
  const adapters = (options.loras ?? []).map((lora) => openAdapter(lora, file));
  const architecture = file.metadata.string('general.architecture');
  if (isEncoder(architecture)) return encoderGraphs(file, adapters, options);
  const reason = refusedArchitectures.get(architecture);
  if (reason !== undefined) throw new EngineError('ARCHITECTURE_REFUSED', { architecture, reason });
  if (!decodableArchitectures.includes(architecture))
    throw new EngineError('UNKNOWN_ARCHITECTURE', {
      architecture,
      known: [...decodableArchitectures, ...encoderArchitectures],
    });
  const config = readFacts(file.metadata, rope);
  const traits = { rope, trialFolder, adapters, embedsAll: embedsAll(pooling) };
  return { config, graphs: new LlamaModelGraphs(file, config, traits) };
}

function encoderGraphs(
  file: ModelFile,
  adapters: readonly LoraAdapter[],
  { rope, trialFolder }: OutlineOptions,
): GraphsOf {
  const config = readFacts(file.metadata);
  const pooling = wholePooling(file.metadata);
  return { config, graphs: new LlamaModelGraphs(file, config, { rope, trialFolder, adapters, pooling }) };
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

/**
 * Throws KV_TYPE_UNSUITABLE if keys and values cannot be stored as asked for, BAD_OPTION if nothing can, NOT_WITH_LIBLLAMA
 * for options of graphs of ours, NO_ROTATION for a rotation of positions that are not rotated, NO_EXPERTS for a model without experts that can be read one by one.
 */
export function checkModelCan(
  outline: ModelOutline,
  { kv = {}, expertCache }: { readonly kv?: KvOptions | undefined; readonly expertCache?: number | undefined },
): void {
  const { graphs, config } = outline;
  const { type = 'f16' } = kv;
  if (!kvTypes.includes(type)) {
    throw new EngineError('BAD_OPTION', { option: 'kv.type', value: `${type}`, expected: kvTypes.join(', ') });
  }
  const [length] = unsuitable(outline, type);
  const unsuited = (reason: string): never => {
    throw new EngineError('KV_TYPE_UNSUITABLE', { type, reason });
  };
  if (length !== undefined) unsuited(`the heads of this model have ${length} elements, and its blocks 32`);
  if (type !== 'f16' && graphs.rowLengths.length === 0) unsuited('this model keeps none');
  graphs.check(kv);
  if (expertCache !== undefined && !graphs.manifest(config.context).some(({ experts }) => experts)) {
    throw new EngineError('NO_EXPERTS', {});
  }
}
