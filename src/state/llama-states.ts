import type { LlamaContext, Positions } from '../ggml/llama-context.ts';
import type { LlamaModel } from '../ggml/llama-model.ts';

/** Copies of a text's state that cannot be cut: from where a pass began, and from where a snapshot was taken. */
const copies = 2;

type Kept = Pick<LlamaModel, 'goesBack' | 'window'>;

/**
 * True if states are saved some tokens at a time, by another sequence that has only these: one for all texts. With
 * windows it would have memory for one of its own.
 */
const isDivided = ({ goesBack, window }: Kept): boolean => goesBack === 'cut' && window === 0;

/** The sequences that a context has to have for `parallel` texts. */
export const contextSequences = (model: Kept, parallel: number): number =>
  model.goesBack === 'copied' ? (1 + copies) * parallel : parallel + Number(isDivided(model));

/** The texts that a context of so many sequences has room for. */
export const contextTexts = (model: Kept, sequences: number): number =>
  model.goesBack === 'copied' ? Math.floor(sequences / (1 + copies)) : sequences - Number(isDivided(model));

/** Tokens, and bytes, of a piece of a divided state at most. */
const divided = { tokens: 64, bytes: 2 ** 22 };

/** Bytes before a state that say how long it is. */
const prelude = 8;

/** The memory of a context, divided among texts. */
export class LlamaStates {
  readonly llama: LlamaContext;
  /** Tokens that a text may grow to. */
  readonly context: number;
  readonly goesBack: LlamaModel['goesBack'];
  /** The tokens that layers with windows see; 0 if all layers see all. */
  readonly window: number;
  readonly form: string;
  /** Tokens of a piece of a state; undefined where a state is one piece. */
  readonly pieceTokens: number | undefined;
  readonly #parallel: number;
  /** Undefined where libllama must not be asked: it overwrites other memory when it saves compressed keys. */
  readonly #bytes: StateBytes | undefined;
  #made = 0;

  /** The states of an empty context. Throws GRAPH_FAILED. */
  constructor(llama: LlamaContext, model: LlamaModel, context: number) {
    this.llama = llama;
    this.context = context;
    this.goesBack = model.goesBack;
    this.window = model.window;
    this.#parallel = contextTexts(model, llama.options.sequences);
    this.#bytes = model.goesBack === 'never' ? undefined : measure(llama, model.window);
    if (this.#bytes && isDivided(model))
      this.pieceTokens = Math.max(1, Math.min(divided.tokens, Math.floor(divided.bytes / this.#bytes.rows)));
    this.form = `libllama ${JSON.stringify([llama.options.kvType, this.#bytes ?? null, this.pieceTokens ?? null])}`;
  }

  /** The number of the sequence for one more text. Throws RangeError if the context has no room for it. */
  nextSequence(): number {
    if (this.#made === this.#parallel) throw new RangeError(`the context has ${this.#parallel} sequences`);
    this.#made += 1;
    return this.#made - 1;
  }

  /** The number of the sequence that a text's state is copied to when a pass begins. */
  begunOf(sequence: number): number {
    return this.#parallel + copies * sequence;
  }

  savedOf(sequence: number): number {
    return this.begunOf(sequence) + 1;
  }

  /** Tokens of a sequence. */
  lengthOf(sequence: number): number {
    const kept = this.llama.keptOf(sequence);
    return kept ? kept.last + 1 : 0;
  }

  /** Makes the sequence `to` a copy of `from`. */
  copy(from: number, to: number): void {
    this.llama.remove(to, 0);
    this.llama.copy(from, to);
  }

  /** True if states can be saved and put back. */
  get canSave(): boolean {
    return this.#bytes !== undefined;
  }

  /** Bytes that the state of `length` tokens takes when it is saved, at most. Throws RangeError if it cannot be. */
  bytesOf(length: number): number {
    const { all, first, rows, windowed, cells } = this.#measured;
    return prelude + all + first + (length - 1) * rows + Math.min(length - 1, cells) * windowed;
  }

  /** `bytesOf` what cannot be cut of a state: all but keys and values. */
  partBytesOf(length: number): number {
    const { all, part, partRows, cells } = this.#measured;
    return prelude + all + part + Math.min(length - 1, cells) * partRows;
  }

  get #measured(): StateBytes {
    if (!this.#bytes) throw new RangeError('the states cannot be saved');
    return this.#bytes;
  }

  save(sequence: number, into: Uint8Array, what: StatePart = {}): void {
    const length = this.llama.stateBytes(sequence, what);
    if (prelude + length > into.length) throw new RangeError(`a state of ${length} bytes`);
    new DataView(into.buffer, into.byteOffset).setBigUint64(0, BigInt(length));
    this.llama.saveState(sequence, into.subarray(prelude, prelude + length), what);
    into.fill(0, prelude + length);
  }

  /** Puts a state back that was saved. Throws GRAPH_FAILED. */
  load(sequence: number, bytes: Uint8Array, what: StatePart = {}): void {
    const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0));
    this.llama.loadState(sequence, bytes.subarray(prelude, prelude + length), what);
  }

  /** Saves some tokens of a divided state. */
  savePart(sequence: number, positions: Positions, into: Uint8Array): void {
    const { llama } = this;
    const spare = this.#parallel;
    llama.copy(sequence, spare, positions);
    try {
      this.save(spare, into);
    } finally {
      llama.remove(spare, 0);
    }
  }

  /** Puts saved tokens of a divided state behind the others of a sequence. Throws GRAPH_FAILED. */
  loadPart(sequence: number, bytes: Uint8Array): void {
    const { llama } = this;
    const spare = this.#parallel;
    this.load(spare, bytes);
    llama.copy(spare, sequence);
    llama.remove(spare, 0);
  }
}

/** A whole state, or `partial` of it: what cannot be cut. */
interface StatePart {
  readonly partial?: boolean;
}

/** Bytes of a saved state. */
interface StateBytes {
  /** Those of any text. */
  readonly all: number;
  /** Those of the first token, and of each further one: in all layers, and in layers with windows of `cells` tokens. */
  readonly first: number;
  readonly rows: number;
  readonly windowed: number;
  readonly cells: number;
  /** Those of what cannot be cut: of the first token, and of each further one up to `cells`. */
  readonly part: number;
  readonly partRows: number;
}

/** The bytes of states, as those of one and two tokens show; nothing is computed. */
function measure(llama: LlamaContext, window: number): StateBytes {
  const { sequences, batch } = llama.options;
  const withToken = (start: number): { readonly whole: number; readonly part: number } => {
    llama.collect([{ sequence: 0, start, tokens: [0], outputs: 1 }]);
    return { whole: llama.stateBytes(0), part: llama.stateBytes(0, { partial: true }) };
  };
  const [one, two] = [withToken(0), withToken(1)];
  llama.reset();
  const windowed = window === 0 ? 0 : two.part / 2;
  return {
    all: 256,
    first: one.whole,
    rows: Math.max(0, two.whole - one.whole - windowed),
    windowed: Math.ceil(windowed),
    // Windows have room for those of all sequences, and for a batch.
    cells: window * sequences + batch + 256,
    part: one.part,
    partRows: Math.max(0, two.part - one.part),
  };
}
