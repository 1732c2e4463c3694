import type { ModelOutline } from '../engine/outline.ts';
import { type TypeShare, typeShares } from '../gguf/file-type.ts';

/** What a model is, for programs. Sizes are bytes. */
export interface ModelDescription {
  readonly path: string;
  readonly name: string;
  readonly architecture: string;
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly kv_heads: number;
  readonly parameters: number;
  readonly bytes: number;
  readonly files: number;
  readonly types: Readonly<Record<string, TypeShare>>;
  readonly context: number;
  readonly tokenizer: { model: string; pre: string | null; tokens: number; chat_template: boolean };
  readonly tensors?: readonly { name: string; type: string; shape: readonly number[]; bytes: number }[];
}

export function describe(outline: ModelOutline, listTensors: boolean): ModelDescription {
  const { file, config } = outline;
  const { metadata } = file;
  return {
    path: outline.path,
    name: metadata.string('general.name', undefined) ?? config.architecture,
    architecture: config.architecture,
    layers: config.layers,
    width: config.width,
    heads: config.heads,
    kv_heads: config.kvHeads,
    parameters: file.parameters,
    bytes: file.bytes,
    files: file.files.length,
    types: typeShares(file.weights.values()),
    context: config.context,
    tokenizer: {
      model: metadata.string('tokenizer.ggml.model', 'none'),
      pre: metadata.string('tokenizer.ggml.pre', undefined) ?? null,
      tokens: config.vocabulary,
      chat_template: metadata.has('tokenizer.chat_template'),
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
