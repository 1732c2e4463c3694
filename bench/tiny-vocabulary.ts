import { arr, bool, type MetadataValue, str, u32, writeGguf } from './gguf-writer.ts';

/** A tokenizer's metadata, and the ids of its tokens by name. */
export interface TinyVocabulary {
  readonly metadata: Readonly<Record<string, MetadataValue>>;
  readonly ids: ReadonlyMap<string, number>;
}

interface Token {
  readonly name: string;
  readonly type: number;
}

// GGUF's tokenizer.ggml.token_type
const types = { normal: 1, unknown: 2, control: 3, userDefined: 4, byte: 6 } as const;

const named = (type: number, names: readonly string[]): readonly Token[] => names.map((name) => ({ name, type }));

/** Fills a vocabulary up to `size` tokens with the words "0", "1" and so on, each after a space. */
function padded(tokens: readonly Token[], space: string, size = tokens.length): readonly Token[] {
  if (size < tokens.length) throw new Error(`a vocabulary of ${size} has no room for ${tokens.length} tokens`);
  const words = Array.from({ length: size - tokens.length }, (_, i) => `${space}${i}`);
  return [...tokens, ...named(types.normal, words)];
}

function vocabulary(
  model: string,
  tokens: readonly Token[],
  metadata: Readonly<Record<string, MetadataValue>>,
): TinyVocabulary {
  const ids = new Map(tokens.map(({ name }, id) => [name, id]));
  const id = (name: string): MetadataValue => u32(ids.get(name) ?? 0);
  return {
    ids,
    metadata: {
      'tokenizer.ggml.model': str(model),
      'tokenizer.ggml.tokens': arr('string', [...ids.keys()]),
      'tokenizer.ggml.token_type': arr(
        'i32',
        tokens.map(({ type }) => type),
      ),
      'tokenizer.ggml.bos_token_id': id('<s>'),
      'tokenizer.ggml.eos_token_id': id('</s>'),
      'tokenizer.ggml.add_bos_token': bool(true),
      ...metadata,
    },
  };
}

/** GPT-2's names of the 256 bytes: visible Latin-1 as it is, the others from U+0100 on. */
function byteNames(): readonly string[] {
  const visible = (byte: number): boolean => (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(visible(byte) ? byte : next++));
}

/**
 * Byte-pair encoding: every byte, a few merges ("hello", " world"), control tokens, "<think>" and `texts` as they are;
 * with a size, as many tokens, of which the others are numbers.
 */
export function tinyBytePair(pre = 'gpt-2', texts: readonly string[] = [], size?: number): TinyVocabulary {
  const merges = ['h e', 'l l', 'he ll', 'hell o', 'Ġ w', 'o r', 'Ġw or', 'l d', 'Ġwor ld', 'Ġ Ġ'];
  const tokens = [
    ...named(types.normal, byteNames()),
    ...named(
      types.normal,
      merges.map((merge) => merge.replace(' ', '')),
    ),
    ...named(types.control, ['<s>', '</s>', '<|im_start|>', '<|im_end|>']),
    ...named(types.userDefined, ['<think>', ...texts]),
  ];
  return vocabulary('gpt2', padded(tokens, 'Ġ', size), {
    'tokenizer.ggml.pre': str(pre),
    'tokenizer.ggml.merges': arr('string', merges),
  });
}

/**
 * SentencePiece: every byte as a fallback, letters, and a few pieces ("▁hello", "▁world"); with a size, as many tokens,
 * of which the others are numbers.
 */
export function tinySentencePiece(size?: number): TinyVocabulary {
  const hex = (byte: number): string => byte.toString(16).toUpperCase().padStart(2, '0');
  const pieces = [
    '▁hello',
    '▁world',
    'hello',
    'world',
    '▁hell',
    '▁wor',
    'hell',
    'wor',
    '▁he',
    '▁w',
    'he',
    'll',
    'or',
    'ld',
  ];
  const known = [
    ...named(types.unknown, ['<unk>']),
    ...named(types.control, ['<s>', '</s>', '<|im_end|>']),
    ...named(
      types.byte,
      Array.from({ length: 256 }, (_, byte) => `<0x${hex(byte)}>`),
    ),
    ...named(types.normal, [...pieces, '▁', ...'abcdefghijklmnopqrstuvwxyz']),
  ];
  const tokens = padded(known, '▁', size);
  // The longer a piece, the sooner it is merged.
  const scores = tokens.map(({ name, type }) => (type === types.normal ? [...name].length - 100 : 0));
  return vocabulary('llama', tokens, { 'tokenizer.ggml.scores': arr('f32', scores) });
}

/** Writes a GGUF file that holds only a tokenizer; `more` metadata go over its own. */
export function writeVocabulary(
  path: string,
  { metadata }: Pick<TinyVocabulary, 'metadata'>,
  more: Readonly<Record<string, MetadataValue>> = {},
): void {
  writeGguf(path, { metadata: { 'general.architecture': str('llama'), ...metadata, ...more }, tensors: [] });
}
