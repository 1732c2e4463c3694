import type { ModelOutline } from '../engine/outline.ts';

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
  readonly types: Readonly<Record<string, { tensors: number; bytes: number }>>;
  readonly context: number;
  readonly tokenizer: { model: string; pre: string | null; tokens: number; chat_template: boolean };
  readonly tensors?: readonly { name: string; type: string; shape: readonly number[]; bytes: number }[];
}

export function describe(outline: ModelOutline, listTensors: boolean): ModelDescription {
  const { file, config } = outline;
  const { metadata } = file;
  const types: Record<string, { tensors: number; bytes: number }> = {};
  for (const { type, extent } of file.weights.values()) {
    const { tensors, bytes } = types[type.name] ?? { tensors: 0, bytes: 0 };
    types[type.name] = { tensors: tensors + 1, bytes: bytes + extent.length };
  }
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
    types,
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
