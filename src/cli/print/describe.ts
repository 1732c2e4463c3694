import { templateSourcesOf } from '../../chat/template-sources.ts';
import { type TypeShare, typeShares } from '../../gguf/file-type.ts';
import type { ModelOutline } from '../../runtime/model-outline.ts';

/** A description of a model, for programs. Sizes are bytes. */
export interface ModelDescription {
  readonly path: string;
  /** The name that it is called by, as `list` shows it. */
  readonly name: string;
  /** The name in its header. */
  readonly title: string | null;
  readonly architecture: string;
  /** The builder of the model's graphs. */
  readonly graphs: 'own' | 'libllama';
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly kv_heads: number;
  readonly parameters: number;
  readonly bytes: number;
  readonly files: number;
  readonly types: Readonly<Record<string, TypeShare>>;
  /** Weights that nothing reads, such as those of another model in the same file. */
  readonly unused: { readonly weights: number; readonly bytes: number };
  /** Tokens that it can see at once. */
  readonly context: number;
  /** Elements of embeddings, and how those of a text's tokens become one; null for a model that was not made for them. */
  readonly embeddings: { readonly dimensions: number; readonly pooling: string } | null;
  readonly rope: RopeDescription;
  readonly tokenizer: {
    model: string;
    pre: string | null;
    tokens: number;
    chat_template: boolean;
    tool_template: boolean;
  };
  readonly tensors?: readonly { name: string; type: string; shape: readonly number[]; bytes: number }[];
}

/** The rotation of positions. */
export interface RopeDescription {
  readonly base: number;
  /** Factor by which the context is stretched, and the way. */
  readonly factor: number;
  readonly scaling: 'none' | 'linear' | 'yarn';
  /** Tokens of the context before stretching. */
  readonly original_context: number;
  /** Factors in the model that divide each frequency: one set, or two for short and long contexts. */
  readonly factors: 'fixed' | 'by_context' | null;
}

export function describe(outline: ModelOutline, name: string, listTensors: boolean = false): ModelDescription {
  const { file, config } = outline;
  const { metadata } = file;
  const templates = templateSourcesOf(metadata, undefined);
  return {
    path: outline.path,
    name,
    title: metadata.string('general.name', undefined) ?? null,
    architecture: config.architecture,
    graphs: outline.graphs.builder,
    layers: config.layers,
    width: config.width,
    heads: config.heads,
    kv_heads: config.kvHeads,
    parameters: file.parameters,
    bytes: file.bytes,
    files: file.files.length,
    types: typeShares(file.weights.values()),
    unused: unusedOf(outline),
    context: config.context,
    embeddings: embeddingsOf(outline),
    rope: ropeOf(outline),
    tokenizer: {
      model: metadata.string('tokenizer.ggml.model', 'none'),
      pre: metadata.string('tokenizer.ggml.pre', undefined) ?? null,
      tokens: config.vocabulary,
      chat_template: templates.plain !== undefined,
      tool_template: templates.tools !== undefined,
    },
    ...(listTensors && {
      tensors: [...file.weights.values()].map(({ name, type, shape, extent }) => ({
        name,
        type: type.name,
        shape,
        bytes: extent.length,
      })),
    }),
  };
}

function embeddingsOf({ config, pooling, graphs }: ModelOutline): ModelDescription['embeddings'] {
  if (pooling !== 'none') return { dimensions: config.width, pooling };
  return graphs.wholeTexts ? { dimensions: config.width, pooling: 'mean' } : null;
}

function unusedOf({ file, graphs }: ModelOutline): ModelDescription['unused'] {
  const names = new Set(graphs.unused);
  const bytes = [...file.weights.values()].reduce(
    (sum, { name, extent }) => sum + (names.has(name) ? extent.length : 0),
    0,
  );
  return { weights: names.size, bytes };
}

function ropeOf({ config, file }: ModelOutline): RopeDescription {
  const { base, scale, extFactor, originalContext } = config.rope;
  const byLength = file.weights.has('rope_factors_long.weight') ? 'by_context' : null;
  return {
    base,
    factor: Number((1 / scale).toPrecision(6)),
    scaling: scale === 1 ? 'none' : extFactor === 0 ? 'linear' : 'yarn',
    original_context: originalContext,
    factors: file.weights.has('rope_freqs.weight') ? 'fixed' : byLength,
  };
}
