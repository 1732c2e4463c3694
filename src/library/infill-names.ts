import type { Metadata } from '../gguf/metadata.ts';

/** A token that filling in takes. */
interface InfillToken {
  /** Keys of its number. */
  readonly keys: readonly string[];
  /** Names by which libllama finds it where a file has no number, those of all families. */
  readonly names: readonly string[];
  /** Parts of the names, one of which is in each: they are rare, and quickly found. */
  readonly stems: readonly string[];
}

const infillTokens: readonly InfillToken[] = [
  {
    keys: ['fim_pre_token_id', 'prefix_token_id'],
    names: [
      ...['<|fim_prefix|>', '<fim-prefix>', '<fim_prefix>', '<｜fim▁begin｜>', '<PRE>', '▁<PRE>'],
      ...['<|code_prefix|>', '<|prefix|>'],
    ],
    stems: ['prefix', 'PRE>', 'fim▁begin'],
  },
  {
    keys: ['fim_suf_token_id', 'suffix_token_id'],
    names: [
      ...['<|fim_suffix|>', '<fim-suffix>', '<fim_suffix>', '<｜fim▁hole｜>', '<SUF>', '▁<SUF>'],
      ...['<|code_suffix|>', '<|suffix|>'],
    ],
    stems: ['suffix', 'SUF>', 'fim▁hole'],
  },
  {
    keys: ['fim_mid_token_id', 'middle_token_id'],
    names: [
      ...['<|fim_middle|>', '<fim-middle>', '<fim_middle>', '<｜fim▁end｜>', '<MID>', '▁<MID>'],
      ...['<|code_middle|>', '<|middle|>'],
    ],
    stems: ['middle', 'MID>', 'fim▁end'],
  },
];

/** A name as a file has it, and the place of its stem there. */
interface Place {
  readonly stem: string;
  readonly back: number;
  readonly bytes: Buffer;
}

const placesOf = ({ names, stems }: InfillToken): readonly Place[] =>
  stems.flatMap((stem) =>
    names.map(stringBytes).flatMap((bytes) => {
      const back = bytes.indexOf(stem);
      return back < 0 ? [] : [{ stem, back, bytes }];
    }),
  );

/** A text as a file has it: its length as a number of 64 bits, then its bytes. */
function stringBytes(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([length, bytes]);
}

/** Bytes that parts of a header have to have in common: a name, with its length, takes fewer. */
export const commonBytes = 64;

/** Looks through a header for the tokens that filling in takes: a quarter of the time of reading its vocabulary. */
export class InfillSearch {
  /** Places of the names of those that are neither numbered nor found. */
  #missing: readonly (readonly Place[])[];

  constructor(metadata: Metadata) {
    this.#missing = infillTokens.filter((token) => !isNumbered(metadata, token)).map(placesOf);
  }

  get found(): boolean {
    return this.#missing.length === 0;
  }

  /** Looks through the next part, which begins with the last `commonBytes` of the one before. */
  read(part: Buffer): void {
    this.#missing = this.#missing.filter((places) => !isThere(part, places));
  }
}

function isThere(part: Buffer, places: readonly Place[]): boolean {
  for (const stem of new Set(places.map((place) => place.stem))) {
    const own = places.filter((place) => place.stem === stem);
    for (let at = part.indexOf(stem); at >= 0; at = part.indexOf(stem, at + 1)) {
      const starts = ({ back, bytes }: Place): boolean =>
        at >= back && part.subarray(at - back, at - back + bytes.length).equals(bytes);
      if (own.some(starts)) return true;
    }
  }
  return false;
}

function isNumbered(metadata: Metadata, { keys }: InfillToken): boolean {
  const size = metadata.isArray('tokenizer.ggml.tokens') ? metadata.arrayLength('tokenizer.ggml.tokens') : 0;
  return keys.some((name) => {
    const key = `tokenizer.ggml.${name}`;
    const id = metadata.has(key) ? metadata.raw(key) : undefined;
    return typeof id === 'number' && id >= 0 && id < size;
  });
}
