import type { TensorSource } from '../../bench/gguf-writer.ts';
import { str, writeGguf } from '../../bench/gguf-writer.ts';
import { type RandomModelSpec, randomModel } from '../../bench/random-model.ts';
import { tinyBytePair } from '../../bench/tiny-vocabulary.ts';

/** Tokens of context that these models are trained for. */
export const chatContext = 4096;

/** Heads of 32 elements are whole blocks of every type that keys and values may have. */
const shape = {
  layers: 2,
  width: 64,
  heads: 2,
  kvHeads: 2,
  feedForward: 128,
  vocabulary: 400,
  context: chatContext,
} as const;

/** ChatML. */
const template = `{% for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}`;

/** A tensor of f32 with zeros in place of some of its rows. */
function withoutRows(tensor: TensorSource, isZero: (row: number) => boolean): TensorSource {
  const [width = 0, rows = 0] = tensor.shape;
  const { data } = tensor;
  if (typeof data !== 'function') throw new Error('the tensors of a random model are made when they are written');
  return {
    ...tensor,
    data: () => {
      const bytes = Buffer.concat([...data()]);
      for (let row = 0; row < rows; row += 1) if (isZero(row)) bytes.fill(0, 4 * width * row, 4 * width * (row + 1));
      return [bytes];
    },
  };
}

function write(
  path: string,
  changes: Partial<RandomModelSpec>,
  change: (tensor: TensorSource) => TensorSource,
  texts: readonly string[] = [],
): string {
  const { ids, metadata } = tinyBytePair('gpt-2', texts, changes.vocabulary ?? shape.vocabulary);
  const names = [...ids.keys()];
  // Letters, signs and numbers, but no control tokens.
  const isSaid = (token: number): boolean => /^(?!<.+>$)[Ġ!-~]+$/.test(names[token] ?? '');
  const model = randomModel({ architecture: 'llama', ...shape, ...changes });
  const tensors = model.tensors.map((tensor) =>
    tensor.name === 'output.weight' ? withoutRows(tensor, (token) => !isSaid(token)) : change(tensor),
  );
  writeGguf(path, {
    ...model,
    tensors,
    metadata: { ...model.metadata, ...metadata, 'tokenizer.chat_template': str(template) },
  });
  return path;
}

/**
 * Writes a model of 500 KB that answers conversations in letters, signs and numbers, and never ends an answer by itself.
 * The words mean nothing and depend on all that was said. Weights are f32: processors round so much alike then that the
 * likeliest tokens are the same on each. `texts` are more tokens.
 */
export const writeChatModel = (
  path: string,
  changes: Partial<RandomModelSpec> = {},
  texts: readonly string[] = [],
): string => write(path, changes, (tensor) => tensor, texts);

/** Writes one that goes on from the last token only, whatever was before: its text soon repeats itself without end. */
export const writeLoopingModel = (path: string, changes: Partial<RandomModelSpec> = {}): string =>
  write(path, changes, (tensor) =>
    /\.(?:attn_output|ffn_down)\.weight$/.test(tensor.name) ? withoutRows(tensor, () => true) : tensor,
  );
