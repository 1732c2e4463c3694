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

const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

/** Tokens that SentencePiece falls back to, a byte each. */
const byteTokens: readonly Token[] = named(
  types.byte,
  Array.from({ length: 256 }, (_, byte) => `<0x${hex(byte).toUpperCase()}>`),
);

/**
 * SentencePiece: every byte as a fallback, letters, and a few pieces ("▁hello", "▁world"); with a size, as many tokens,
 * of which the others are numbers.
 */
export function tinySentencePiece(size?: number): TinyVocabulary {
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
    ...byteTokens,
    ...named(types.normal, [...pieces, '▁', ...'abcdefghijklmnopqrstuvwxyz']),
  ];
  const tokens = padded(known, '▁', size);
  // The longer a piece, the sooner it is merged.
  const scores = tokens.map(({ name, type }) => (type === types.normal ? [...name].length - 100 : 0));
  return vocabulary('llama', tokens, { 'tokenizer.ggml.scores': arr('f32', scores) });
}

/** Bytes as RWKV's vocabularies have them: in ASCII, others by number. */
function escaped(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => {
    const isPlain = byte >= 0x20 && byte < 0x7f && byte !== 0x5c;
    return isPlain ? String.fromCharCode(byte) : `\\x${hex(byte)}`;
  }).join('');
}

/**
 * RWKV: every byte, a few words and parts of characters; the longest token that a text goes on with is the next one. With a
 * size, as many tokens, of which the others are numbers.
 */
export function tinyRwkv(size?: number): TinyVocabulary {
  const words = ['he', 'hello', ' world', 'wor', '\n\n', '  ', '中', '中文'].map((text) => Buffer.from(text));
  const parts = [Buffer.from('中').subarray(0, 2), Buffer.from('文').subarray(1)];
  const bytes = Array.from({ length: 256 }, (_, byte) => Buffer.of(byte));
  const known = [
    ...named(types.control, ['<s>', '</s>', '<|im_end|>']),
    ...named(types.normal, [...bytes, ...words, ...parts].map(escaped)),
  ];
  return vocabulary('rwkv', padded(known, ' ', size), {});
}

/**
 * PLaMo 2: every byte as a fallback, letters and a few words, of which a text is made with the highest sum of scores. With
 * a size, as many tokens, of which the others are numbers.
 */
export function tinyPlamo2(size?: number): TinyVocabulary {
  const words = ['hello', ' world', 'he', 'hell', 'o wor', 'ld', '中文', '\n', ' ', '👩'];
  const known = [
    ...named(types.unknown, ['<unk>']),
    ...named(types.control, ['<s>', '</s>', '<|im_end|>']),
    ...byteTokens,
    ...named(types.normal, [...words, ...'abcdefghijklmnopqrstuvwxyz中文。']),
  ];
  const tokens = padded(known, ' ', size);
  const scores = tokens.map(({ name, type }) => (type === types.normal ? 2 * [...name].length - 10 : 0));
  return vocabulary('plamo2', tokens, { 'tokenizer.ggml.scores': arr('f32', scores) });
}

/** Word pieces: letters that begin a word or go on with it, and a few words; with a size, as many tokens, the others numbers. */
export function tinyWordPiece(size?: number): TinyVocabulary {
  const letters = [...'abcdefghijklmnopqrstuvwxyz.,!?中文'];
  const known = [
    ...named(types.unknown, ['[UNK]']),
    ...named(types.control, ['[CLS]', '[SEP]', '[PAD]', '[MASK]']),
    ...named(types.normal, ['▁hello', '▁world', '▁plum', 's', ...letters.map((letter) => `▁${letter}`)]),
    ...named(
      types.normal,
      letters.filter((letter) => letter !== 's'),
    ),
  ];
  const { ids, metadata } = vocabulary('bert', padded(known, '▁', size), {});
  const id = (name: string): MetadataValue => u32(ids.get(name) ?? 0);
  const special = {
    bos: '[CLS]',
    eos: '[SEP]',
    seperator: '[SEP]',
    unknown: '[UNK]',
    padding: '[PAD]',
    mask: '[MASK]',
  };
  const keys = Object.entries(special).map(([key, name]) => [`tokenizer.ggml.${key}_token_id`, id(name)]);
  return { ids, metadata: { ...metadata, ...Object.fromEntries(keys) } };
}

/** Unigrams, as T5 has them: letters and words with their scores; with a size, as many tokens, the others numbers. */
export function tinyUnigram(size?: number): TinyVocabulary {
  const words = ['▁hello', '▁world', 'hell', 'o▁wor', 'ld', '▁', '▁plum', 's'];
  const letters = [...'abcdefghijklmnopqrtuvwxyz0123456789.,!?中文'];
  const known = [
    ...named(types.control, ['<pad>', '</s>']),
    ...named(types.unknown, ['<unk>']),
    ...named(types.normal, [...words, ...letters]),
  ];
  const tokens = padded(known, '▁', size);
  const scores = tokens.map(({ name, type }) => (type === types.normal ? 2 * [...name].length - 20 : 0));
  return vocabulary('t5', tokens, {
    'tokenizer.ggml.scores': arr('f32', scores),
    'tokenizer.ggml.add_bos_token': bool(false),
    'tokenizer.ggml.add_eos_token': bool(true),
    'tokenizer.ggml.remove_extra_whitespaces': bool(true),
    'tokenizer.ggml.add_space_prefix': bool(true),
    'tokenizer.ggml.unknown_token_id': u32(2),
  });
}

/** Writes a GGUF file that holds only a tokenizer; `more` metadata go over its own. */
export function writeVocabulary(
  path: string,
  { metadata }: Pick<TinyVocabulary, 'metadata'>,
  more: Readonly<Record<string, MetadataValue>> = {},
): void {
  writeGguf(path, { metadata: { 'general.architecture': str('llama'), ...metadata, ...more }, tensors: [] });
}
