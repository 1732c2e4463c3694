import { architectureFile } from '../../support/architectures/architecture-file.ts';
import { writeChatModel } from '../../support/chat-model.ts';
import type { TempFolder } from '../../support/temp-folder.ts';

/** Libllama's numbers for ways of pooling, by their names at llama-server. */
const poolings = { mean: 1, cls: 2, last: 3 } as const;
const sizes = { context: 512 };
/** Tokens for filling in. */
const infill = ['<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>'];

/**
 * Writes small random models in place of those that llama.cpp's tests ask a hub for. Returns their paths by the names of
 * these, with the way of pooling behind that where the tests choose one.
 */
export function standIns(folder: TempFolder): Readonly<Record<string, string>> {
  const bert = 'bert-bge-small/ggml-model-f16.gguf';
  const encoder = (name: string, pooling: number, optional: readonly string[] = []): string =>
    architectureFile(folder.file(`${name}.gguf`), 'bert', { vocabulary: true, pooling, optional, sizes });
  return {
    'ggml-org/test-model-stories260K': writeChatModel(folder.file('chat.gguf'), { context: 8192 }),
    'ggml-org/test-model-stories260K-infill': writeChatModel(folder.file('infill.gguf'), {}, infill),
    ...Object.fromEntries(Object.entries(poolings).map(([name, n]) => [`${bert} ${name}`, encoder(name, n)])),
    [bert]: encoder('bert', poolings.cls),
    'jina-reranker-v1-tiny-en/ggml-model-f16.gguf': encoder('reranker', 4, [
      'cls.weight',
      'cls.bias',
      'cls.output.weight',
      'cls.output.bias',
    ]),
  };
}
