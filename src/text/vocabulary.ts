import { EngineError } from '../base/errors.ts';
import type { Pointer } from '../ggml/library.ts';
import { type Llama, loadLlama, vocabularyTypes } from '../ggml/llama.ts';
import { lastLog } from '../ggml/log.ts';
import { partsOf } from './parts.ts';

interface TokenizeOptions {
  /** Put the tokens around the text that the model wants there: mostly one that begins it. */
  readonly addSpecial: boolean;
  /** Read the names of control tokens in the text as these tokens, not as text. */
  readonly parseSpecial: boolean;
}

export interface PieceOptions {
  /** Write control tokens by name instead of as nothing. */
  readonly special: boolean;
}

/** The tokens of a model: text to tokens, and tokens to bytes. */
export class Vocabulary implements Disposable {
  readonly file: string;
  /** Number of tokens. For a model without a tokenizer it is what the metadata say, or 0. */
  readonly size: number;
  readonly bos: number | undefined;
  readonly eos: number | undefined;
  /** Does the model want `bos` at the beginning of a text? */
  readonly addBos: boolean;
  readonly #llama: Llama;
  readonly #model: Pointer;
  readonly #vocab: Pointer;
  readonly #type: number;
  #buffer: Uint8Array = new Uint8Array(256);

  private constructor(file: string, model: Pointer) {
    const llama = loadLlama();
    const vocab = llama.llama_model_get_vocab(model);
    const special = (token: number): number | undefined => (token < 0 ? undefined : token);
    this.file = file;
    this.size = llama.llama_vocab_n_tokens(vocab);
    this.bos = special(llama.llama_vocab_bos(vocab));
    this.eos = special(llama.llama_vocab_eos(vocab));
    this.addBos = llama.llama_vocab_get_add_bos(vocab);
    this.#llama = llama;
    this.#model = model;
    this.#vocab = vocab;
    this.#type = llama.llama_vocab_type(vocab);
  }

  /**
   * Opens the tokenizer of a GGUF file (of a split model: its first file), which `checkTokenizer` has found sound:
   * libllama ends the process on some damage. Throws VOCABULARY_FAILED, LIBRARY_MISSING.
   */
  static open(file: string): Vocabulary {
    const model = loadLlama().loadVocabularyModel(file);
    if (!model) throw new EngineError('VOCABULARY_FAILED', { file, reason: lastLog() });
    return new Vocabulary(file, model);
  }

  /** Text of any length. Lone surrogates become U+FFFD. Throws VOCABULARY_FAILED for a model without a tokenizer. */
  tokenize(text: string, { addSpecial, parseSpecial }: TokenizeOptions): number[] {
    if (this.#type === vocabularyTypes.none) {
      throw new EngineError('VOCABULARY_FAILED', { file: this.file, reason: 'the model has none' });
    }
    const parts = this.#type === vocabularyTypes.bytePair ? partsOf(text) : [text];
    const tokens = addSpecial && this.addBos && this.bos !== undefined ? [this.bos] : [];
    for (const part of parts) for (const token of this.#tokenizePart(part, parseSpecial)) tokens.push(token);
    if (addSpecial && this.#llama.llama_vocab_get_add_eos(this.#vocab) && this.eos !== undefined) tokens.push(this.eos);
    return tokens;
  }

  /** The bytes a token stands for: not always whole characters, and nothing for a token that the model does not have. */
  piece(token: number, { special }: PieceOptions): Uint8Array {
    if (!this.#has(token)) return new Uint8Array();
    const write = (): number =>
      this.#llama.llama_token_to_piece(this.#vocab, token, this.#buffer, this.#buffer.length, 0, special);
    let length = write();
    if (length < 0) {
      this.#buffer = new Uint8Array(-length);
      length = write();
    }
    return this.#buffer.slice(0, length);
  }

  /** Bytes of the longest token. Looks at all of them: a microsecond each. */
  longestPiece(): number {
    let longest = 0;
    for (let token = 0; token < this.size; token += 1) {
      longest = Math.max(longest, this.piece(token, { special: true }).length);
    }
    return longest;
  }

  /** Does the model end its answer with this token? */
  isEndOfGeneration(token: number): boolean {
    return this.#llama.llama_vocab_is_eog(this.#vocab, token);
  }

  isControl(token: number): boolean {
    return this.#has(token) && this.#llama.llama_vocab_is_control(this.#vocab, token);
  }

  [Symbol.dispose](): void {
    this.#llama.llama_model_free(this.#model);
  }

  // libllama reads past its table, or ends the process, when asked about a token that is not there.
  #has(token: number): boolean {
    return this.#type !== vocabularyTypes.none && Number.isInteger(token) && token >= 0 && token < this.size;
  }

  #tokenizePart(text: string, parseSpecial: boolean): Int32Array {
    const bytes = new TextEncoder().encode(text);
    const tokenizeInto = (tokens: Int32Array): number =>
      this.#llama.llama_tokenize(this.#vocab, bytes, bytes.length, tokens, tokens.length, false, parseSpecial);
    // A token is mostly at least one byte, and SentencePiece puts a space in front.
    let tokens = new Int32Array(bytes.length + 4);
    let count = tokenizeInto(tokens);
    if (count < 0) {
      tokens = new Int32Array(-count);
      count = tokenizeInto(tokens);
    }
    return tokens.subarray(0, count);
  }
}
