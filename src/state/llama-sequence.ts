import type { LayerState, StatePiece, StoredText } from './layer-state.ts';
import type { LlamaStates } from './llama-states.ts';
import type { SequenceState } from './sequence-state.ts';

/** The states that libllama keeps of one text: a sequence of a context. */
export class LlamaSequence implements SequenceState {
  /** The number of the sequence in its context. */
  readonly sequence: number;
  readonly layers: readonly LayerState[];
  readonly context: number;
  readonly form: string;
  readonly inMemory = true;
  readonly canCopy: boolean;

  /** The sequence of this number, an empty one. */
  constructor(states: LlamaStates, sequence: number) {
    this.sequence = sequence;
    this.context = states.context;
    this.form = states.form;
    this.canCopy = states.canSave;
    const { goesBack, pieceTokens } = states;
    this.layers = [
      pieceTokens === undefined
        ? new layerKinds[goesBack](states, sequence)
        : new DividedLayer(states, sequence, pieceTokens),
    ];
  }

  /** The sequence that a state is. Throws RangeError for another source's. */
  static of(state: SequenceState): LlamaSequence {
    if (state instanceof LlamaSequence) return state;
    throw new RangeError('the state is none of libllama');
  }

  // Graphs are built anew for each pass.
  replaced(): void {}

  [Symbol.dispose](): void {}
}

type Piece = Omit<StatePiece, 'layer'>;

/** All layers of a sequence. The bytes of a state are one piece, unless it is divided; the number of its tokens is its index. */
abstract class LlamaLayer implements LayerState {
  abstract readonly snapshots: readonly number[];
  protected readonly states: LlamaStates;
  protected readonly sequence: number;
  /** The position at which a pass began that was not taken back yet, nor found to stay. */
  protected begun: number | undefined;

  constructor(states: LlamaStates, sequence: number) {
    this.states = states;
    this.sequence = sequence;
  }

  begin(position: number): void {
    // There may be what a restoration that failed has left.
    if (position === 0) this.clear();
    this.begun = position;
  }

  stored(position: number): void {
    // More may have been restored than is wanted.
    if (this.states.lengthOf(this.sequence) > position) this.cut(position);
  }

  restore(position: number): void {
    if (position === 0) this.clear();
    else if (this.states.lengthOf(this.sequence) !== position) this.cut(position);
    this.begun = undefined;
  }

  /** The state of the whole text, of which any shorter one is made, then those of snapshots. */
  pieces(length: number, wanted: number, snapshots: readonly number[]): readonly Piece[] {
    if (length === 0) return [];
    const whole = pieceOf(length, this.states.bytesOf(length), wanted > 0);
    return [whole, ...this.saved(snapshots).map((at) => pieceOf(at, this.states.partBytesOf(at), at <= wanted))];
  }

  copy(_piece: StatePiece, into: Uint8Array): void {
    this.states.save(this.sequence, into);
  }

  async read(piece: StatePiece): Promise<Uint8Array> {
    const bytes = new Uint8Array(piece.length);
    this.copy(piece, bytes);
    return bytes;
  }

  async write(_piece: StatePiece, bytes: Uint8Array): Promise<void> {
    this.clear();
    this.states.load(this.sequence, bytes);
  }

  abstract reachable(length: number, text: StoredText): number;

  snapshot(): void {}

  /** The snapshots of a text whose states are pieces of it. */
  protected saved(_snapshots: readonly number[]): readonly number[] {
    return [];
  }

  /** Takes the sequence back to a position that is reachable. */
  protected abstract cut(position: number): void;

  protected clear(): void {
    this.states.llama.remove(this.sequence, 0);
  }
}

const pieceOf = (index: number, length: number, isNeeded: boolean): Piece => ({
  part: 'state',
  index,
  offset: 0,
  length,
  needed: isNeeded ? length : 0,
});

/** The last of the positions up to `length`; the beginning can always be had. */
const lastWithin = (positions: readonly number[], length: number): number =>
  positions.findLast((position) => position <= length) ?? 0;

/** Keys and values, which can be cut off anywhere; where some layers have windows, as far as they have not moved on. */
class RowsLayer extends LlamaLayer {
  /** The positions that a pass has gone through: its window has not moved on before it began. */
  get snapshots(): readonly number[] {
    const { begun } = this;
    if (begun === undefined || this.states.window === 0) return [];
    return Array.from({ length: this.states.lengthOf(this.sequence) - begun }, (_, i) => begun + i);
  }

  reachable(length: number, { tokens, written, snapshots }: StoredText): number {
    const { window } = this.states;
    if (length >= tokens.length) return tokens.length;
    if (window === 0 || written <= window) return length;
    return lastWithin(snapshots, length);
  }

  protected cut(position: number): void {
    this.states.llama.remove(this.sequence, position);
  }
}

/** Keys and values of layers that all see all tokens: pieces are of some tokens each, whose index is the end of them. */
class DividedLayer extends RowsLayer {
  readonly #tokens: number;

  /** Pieces are of `tokens` at most. */
  constructor(states: LlamaStates, sequence: number, tokens: number) {
    super(states, sequence);
    this.#tokens = tokens;
  }

  override pieces(length: number, wanted: number): readonly Piece[] {
    return Array.from({ length: Math.ceil(length / this.#tokens) }, (_, i) => {
      const start = i * this.#tokens;
      const end = Math.min(length, start + this.#tokens);
      return pieceOf(end, this.states.bytesOf(end - start), start < wanted);
    });
  }

  override copy({ index: end }: StatePiece, into: Uint8Array): void {
    this.states.savePart(this.sequence, { start: this.#startOf(end), end }, into);
  }

  override async write({ index: end }: StatePiece, bytes: Uint8Array): Promise<void> {
    if (this.#startOf(end) === 0) this.clear();
    this.states.loadPart(this.sequence, bytes);
  }

  /** The first position of a piece. */
  #startOf(end: number): number {
    return Math.floor((end - 1) / this.#tokens) * this.#tokens;
  }
}

/**
 * States that cannot be cut, such as recurrent ones: a copy is kept from where a pass began, and one from where a snapshot
 * was taken. Copies are sequences of their own, which cost nothing until the first one goes on.
 */
class CopiesLayer extends LlamaLayer {
  #saved: number | undefined;

  get snapshots(): readonly number[] {
    const positions = [this.#saved, this.begun].flatMap((position) => (position ? [position] : []));
    return [...new Set(positions)].sort((a, b) => a - b);
  }

  reachable(length: number, { tokens, snapshots }: StoredText): number {
    if (length >= tokens.length) return tokens.length;
    return lastWithin(snapshots, length);
  }

  override begin(position: number): void {
    super.begin(position);
    if (position > 0) this.states.copy(this.sequence, this.states.begunOf(this.sequence));
  }

  override restore(position: number): void {
    super.restore(position);
    if (this.#saved !== undefined && this.#saved > position) this.#forget();
  }

  override snapshot(): void {
    this.#saved = this.states.lengthOf(this.sequence);
    this.states.copy(this.sequence, this.states.savedOf(this.sequence));
  }

  override copy(piece: StatePiece, into: Uint8Array): void {
    if (piece.index === this.states.lengthOf(this.sequence)) super.copy(piece, into);
    else this.states.save(this.#copyAt(piece.index), into, { partial: true });
  }

  override async write(piece: StatePiece, bytes: Uint8Array): Promise<void> {
    const { states, sequence } = this;
    // The whole text comes first. Its keys and values are those of the snapshot, too: there is no room for others.
    if (states.lengthOf(sequence) === 0) return super.write(piece, bytes);
    const saved = states.savedOf(sequence);
    states.copy(sequence, saved);
    states.load(saved, bytes, { partial: true });
    states.llama.remove(saved, piece.index);
    this.#saved = piece.index;
  }

  protected override saved(snapshots: readonly number[]): readonly number[] {
    return snapshots;
  }

  /** The sequence that is a copy of the text up to an earlier position. */
  #copyAt(position: number): number {
    return position === this.#saved ? this.states.savedOf(this.sequence) : this.states.begunOf(this.sequence);
  }

  protected cut(position: number): void {
    this.states.copy(this.#copyAt(position), this.sequence);
  }

  protected override clear(): void {
    super.clear();
    this.#forget();
  }

  #forget(): void {
    this.#saved = undefined;
    this.states.llama.remove(this.states.savedOf(this.sequence), 0);
  }
}

/**
 * States that are taken back to the beginning only, after a pass that has failed too. Libllama overwrites other memory when
 * it saves them: none of their bytes are pieces.
 */
class FixedLayer extends LlamaLayer {
  readonly snapshots: readonly number[] = [];

  reachable(length: number, { tokens }: StoredText): number {
    const failed = this.begun !== undefined && this.states.lengthOf(this.sequence) !== tokens.length;
    return length >= tokens.length && !failed ? tokens.length : 0;
  }

  override pieces(): readonly Piece[] {
    return [];
  }

  protected cut(position: number): void {
    throw new RangeError(`the state cannot be taken back to ${position}`);
  }
}

const layerKinds = { cut: RowsLayer, copied: CopiesLayer, never: FixedLayer } as const;
