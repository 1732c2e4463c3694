import { EngineError } from '../base/errors.ts';
import type { Pointer } from '../ggml/library.ts';
import { type Llama, loadLlama, tokenAttributes, vocabularyTypes } from '../ggml/llama.ts';
import { bytePairCutRule, partPrefix, sentencePieceCutRule, wholeTokensCutRule, wordsCutRule } from './cut-rules.ts';
import { type InfillTokens, infillTokensOf } from './infill-tokens.ts';
import { type LoadedVocabulary, loadVocabulary } from './load-vocabulary.ts';
import { addPieces, namePairs } from './name-pairs.ts';
import { type CutRule, endOfPart, maxPartUnits, textParts } from './text-parts.ts';
import type { PieceOptions, TextPart, TokenizeOptions } from './tokenize-options.ts';

const encoder = new TextEncoder();
/** Tokens whose names are looked for before anything else. */
const readByName = tokenAttributes.unknown | tokenAttributes.control | tokenAttributes.userDefined;
/** UTF-16 units of a text that no pre-tokenizer recurses too deep for: it need not be cut. */
const shortText = 2048;

/** The tokens of a model: text to tokens, and tokens to bytes. */
export class Vocabulary implements Disposable {
  readonly file: string;
  /** Number of tokens. For a model without a tokenizer it is the metadata's number, or 0. */
  readonly size: number;
  readonly bos: number | undefined;
  readonly eos: number | undefined;
  /** True if the model wants `bos` at the beginning of a text. */
  readonly addBos: boolean;
  /** True if the model wants `eos` at the end of a text. */
  readonly addEos: boolean;
  /** A token between two texts that belong together, behind the one that ends the first. */
  readonly separator: number | undefined;
  /** Tokens for filling in between two texts, if the model was trained for it. */
  readonly infill: InfillTokens | undefined;
  /** The reason to doubt its tokens, as a sentence; undefined where there is none. */
  readonly doubt: string | undefined;
  /** Libllama's vocabulary. */
  readonly pointer: Pointer;
  readonly #llama: Llama;
  readonly #model: Pointer;
  readonly #type: number;
  #buffer: Uint8Array = new Uint8Array(256);
  /** Buffers for a part of a text, shared by all: its bytes, and its tokens. A token is mostly at least one byte. */
  readonly #bytes: Uint8Array = new Uint8Array(3 * (maxPartUnits + partPrefix.length));
  #tokens: Int32Array = new Int32Array(maxPartUnits);
  /** The cutting, made when a text of several parts comes. */
  #cutting: CutRule | undefined;
  #longest: number | undefined;

  private constructor(file: string, { model, doubt }: LoadedVocabulary) {
    const llama = loadLlama();
    const vocab = llama.llama_model_get_vocab(model);
    const special = (token: number): number | undefined => (token < 0 ? undefined : token);
    this.file = file;
    this.doubt = doubt;
    this.size = llama.llama_vocab_n_tokens(vocab);
    this.bos = special(llama.llama_vocab_bos(vocab));
    this.#type = llama.llama_vocab_type(vocab);
    const words = this.#type === vocabularyTypes.wordPiece;
    // Texts of word pieces stand between two tokens, whatever the file says.
    this.eos = special(words ? llama.llama_vocab_sep(vocab) : llama.llama_vocab_eos(vocab));
    this.infill = infillTokensOf(llama, vocab);
    this.#llama = llama;
    this.#model = model;
    this.pointer = vocab;
    // Libllama adds none for these two, whatever the file says.
    const adds = this.#type !== vocabularyTypes.rwkv && this.#type !== vocabularyTypes.plamo2;
    this.addBos = words || (adds && llama.llama_vocab_get_add_bos(vocab));
    this.addEos = words || (adds && llama.llama_vocab_get_add_eos(vocab));
    this.separator = !words && llama.llama_vocab_get_add_sep(vocab) ? special(llama.llama_vocab_sep(vocab)) : undefined;
  }

  /**
   * Opens the tokenizer of a GGUF file (the first one of a split model), which `checkTokenizer` has found sound:
   * libllama ends the process on some damage. Throws VOCABULARY_FAILED, LIBRARY_MISSING.
   */
  static open(file: string): Vocabulary {
    return new Vocabulary(file, loadVocabulary(file));
  }

  /**
   * The tokens of a text of any length; it is read no further than to more than `most` tokens. Lone surrogates become
   * U+FFFD. Throws CONTEXT_TOO_LONG, VOCABULARY_FAILED for a model without a tokenizer.
   */
  tokenize(text: string, options: TokenizeOptions): number[] {
    const { most = Number.POSITIVE_INFINITY, before = 0 } = options;
    const tokens: number[] = [];
    for (const part of this.#tokenized(text, options)) {
      const room = most - before - tokens.length;
      if (part.length > room) {
        throw new EngineError('CONTEXT_TOO_LONG', {
          prompt: before + tokens.length + part.length,
          context: most,
          atLeast: true,
        });
      }
      for (const token of part) tokens.push(token);
    }
    return tokens;
  }

  /** The first `most` tokens of a text, or all; a token that ends a text stays. Throws as `tokenize`. */
  tokenizeStart(text: string, { most = Number.POSITIVE_INFINITY, ...options }: TokenizeOptions): number[] {
    const tokens: number[] = [];
    for (const part of this.#tokenized(text, options)) {
      for (const token of part) tokens.push(token);
      if (tokens.length > most) break;
    }
    if (tokens.length <= most) return tokens;
    tokens.length = most;
    if (options.addSpecial && this.addEos && this.eos !== undefined) tokens[most - 1] = this.eos;
    return tokens;
  }

  /** The last `most` tokens of a text, or all; tokens that begin a text stay. Throws as `tokenize`. */
  tokenizeEnd(text: string, { most = Number.POSITIVE_INFINITY, ...options }: TokenizeOptions): number[] {
    let tokens: number[] = [];
    let first: number | undefined;
    for (const part of this.#tokenized(text, options)) {
      first ??= part[0];
      for (const token of part) tokens.push(token);
      if (tokens.length > most) tokens = tokens.slice(tokens.length - most);
    }
    if (first === this.bos && first !== undefined && tokens.length === most) tokens[0] = first;
    return tokens;
  }

  /**
   * The tokens of the first part of a text, and its UTF-16 units; `text` is all of it, or more than the longest part.
   * `follows` says that the text continues another. Throws VOCABULARY_FAILED.
   */
  tokenizePart(text: string, { follows, parseSpecial }: { follows: boolean; parseSpecial: boolean }): TextPart {
    this.#checkTokenizes();
    this.#cutting ??= this.#cuttingOf();
    const units = endOfPart(text, 0, this.#cutting);
    const part = text.slice(0, units);
    const tokens = follows ? this.#tokenizeNext(part, parseSpecial) : this.#tokenizePart(part, parseSpecial);
    return { tokens: tokens.slice(), units };
  }

  /** The tokens of a text, part by part: each part is valid until the next. */
  *#tokenized(
    text: string,
    { addSpecial, parseSpecial }: TokenizeOptions,
  ): Generator<Int32Array | number[], void, void> {
    this.#checkTokenizes();
    if (addSpecial && this.addBos && this.bos !== undefined) yield [this.bos];
    if (text.length <= shortText) yield this.#tokenizePart(text, parseSpecial);
    else {
      this.#cutting ??= this.#cuttingOf();
      let first = true;
      for (const part of textParts(text, this.#cutting)) {
        yield first ? this.#tokenizePart(part, parseSpecial) : this.#tokenizeNext(part, parseSpecial);
        first = false;
      }
    }
    if (addSpecial && this.addEos && this.eos !== undefined) yield [this.eos];
  }

  /** The bytes of a token: not always whole characters, and none for a token that the model does not have. */
  piece(token: number, { special }: PieceOptions): Uint8Array {
    if (!this.#has(token)) return new Uint8Array();
    const write = (): number =>
      this.#llama.llama_token_to_piece(this.pointer, token, this.#buffer, this.#buffer.length, 0, special);
    let length = write();
    if (length < 0) {
      this.#buffer = new Uint8Array(-length);
      length = write();
    }
    return this.#buffer.slice(0, length);
  }

  /** The bytes of tokens together. */
  bytes(tokens: readonly number[], options: PieceOptions): Uint8Array {
    return Buffer.concat(tokens.map((token) => this.piece(token, options)));
  }

  /** Bytes that the longest token stands for. The first call looks at all tokens: a microsecond each. */
  longestPiece(): number {
    const normalizes = this.#type === vocabularyTypes.wordPiece || this.#type === vocabularyTypes.unigram;
    // A token stands for a word that is not known, however long, and any number of blanks for nothing.
    this.#longest ??= normalizes ? 2 ** 16 : this.#longestOf();
    return this.#longest;
  }

  /** True if the model ends its answer with this token. */
  isEndOfGeneration(token: number): boolean {
    return this.#llama.llama_vocab_is_eog(this.pointer, token);
  }

  /** Bits of `tokenAttributes`. */
  attributes(token: number): number {
    return this.#has(token) ? this.#llama.llama_vocab_get_attr(this.pointer, token) : 0;
  }

  /** The name by which a text can call a control token. */
  nameOf(token: number): string {
    return this.#has(token) ? this.#llama.llama_vocab_get_text(this.pointer, token) : '';
  }

  isControl(token: number): boolean {
    return this.#has(token) && this.#llama.llama_vocab_is_control(this.pointer, token);
  }

  [Symbol.dispose](): void {
    this.#llama.llama_model_free(this.#model);
  }

  // Libllama reads past its table, or ends the process, when asked about a token that is not there.
  #has(token: number): boolean {
    return this.#type !== vocabularyTypes.none && Number.isInteger(token) && token >= 0 && token < this.size;
  }

  #longestOf(): number {
    let longest = 0;
    for (let token = 0; token < this.size; token += 1) {
      longest = Math.max(longest, this.piece(token, { special: true }).length);
    }
    return longest;
  }

  #checkTokenizes(): void {
    if (this.#type !== vocabularyTypes.none) return;
    throw new EngineError('VOCABULARY_FAILED', { file: this.file, reason: 'the model has none' });
  }

  /** The tokens of a part that is not the first of its text. */
  #tokenizeNext(part: string, parseSpecial: boolean): Int32Array {
    if (this.#type !== vocabularyTypes.sentencePiece) return this.#tokenizePart(part, parseSpecial);
    const led = this.#tokenizePart(partPrefix, parseSpecial).slice();
    const tokens = this.#tokenizePart(partPrefix + part, parseSpecial);
    return led.every((token, i) => token === tokens[i])
      ? tokens.subarray(led.length)
      : this.#tokenizePart(part, parseSpecial);
  }

  #tokenizePart(text: string, parseSpecial: boolean): Int32Array {
    const { written } = encoder.encodeInto(text, this.#bytes);
    const tokenize = (): number =>
      this.#llama.llama_tokenize(
        this.pointer,
        this.#bytes,
        written,
        this.#tokens,
        this.#tokens.length,
        false,
        parseSpecial,
      );
    let count = tokenize();
    if (count < 0) {
      this.#tokens = new Int32Array(-count);
      count = tokenize();
    }
    return this.#tokens.subarray(0, count);
  }

  #cuttingOf(): CutRule {
    const byName = () => namePairs(this, (attributes) => (attributes & readByName) !== 0);
    const all = () => namePairs(this, () => true);
    switch (this.#type) {
      case vocabularyTypes.sentencePiece:
        return sentencePieceCutRule(all());
      case vocabularyTypes.wordPiece:
        return wordsCutRule(byName(), { anyBlank: true });
      case vocabularyTypes.unigram:
        return wordsCutRule(all(), { anyBlank: false });
      case vocabularyTypes.rwkv:
      case vocabularyTypes.plamo2: {
        const pairs = byName();
        return wholeTokensCutRule(pairs, { halves: addPieces(this, pairs) });
      }
      default:
        return bytePairCutRule(this.#metadata('tokenizer.ggml.pre'), byName());
    }
  }

  /** A metadata value; empty if there is none. */
  #metadata(key: string): string {
    const value = new Uint8Array(64);
    const length = this.#llama.llama_model_meta_val_str(this.#model, key, value, value.length);
    return new TextDecoder().decode(value.subarray(0, Math.max(0, length)));
  }
}
