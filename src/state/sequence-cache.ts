import { at } from '../base/at.ts';
import { type ReadonlyTokens, TokenList } from '../text/token-list.ts';
import type { StatePiece, StoredText } from './layer-state.ts';
import type { SequenceState } from './sequence-state.ts';

/** Are texts alike that were computed with these scales of adapters? */
export const sameScales = (a: readonly number[] | undefined, b: readonly number[] | undefined): boolean =>
  a === b || (a?.length === b?.length && (a ?? []).every((scale, i) => scale === b?.[i]));

/** A place for one sequence at a time. The states of its layers stay there until another sequence needs the place. */
export class SequenceCache implements StoredText, Disposable {
  readonly state: SequenceState;
  readonly tokens: TokenList = new TokenList();
  exact = 0;
  written = 0;
  /** The time of its last use; a counter. */
  lastUse = 0;

  /** An empty cache over `state`, which is disposed with it. */
  constructor(state: SequenceState) {
    this.state = state;
  }

  /** True if nothing lives on the SSD. */
  get inMemory(): boolean {
    return this.state.inMemory;
  }

  /** True if its text can be copied, piece by piece. */
  get canCopy(): boolean {
    return this.state.canCopy;
  }

  get scales(): readonly number[] | undefined {
    return this.state.scales;
  }

  /** Has texts computed with these scales of adapters from now on: one that was computed with others is forgotten. */
  adapt(scales?: readonly number[]): void {
    if (sameScales(this.scales, scales)) return;
    this.truncate(0);
    this.state.scales = scales;
  }

  get snapshots(): readonly number[] {
    const positions = this.state.layers.flatMap(({ snapshots }) => snapshots);
    return [...new Set(positions)].filter((position) => position < this.tokens.length).sort((a, b) => a - b);
  }

  /** Announces a pass over `count` tokens: even if it fails, they may have taken the rows of others. */
  begin(count: number): void {
    this.written = Math.max(this.written, this.tokens.length + count);
    for (const layer of this.state.layers) layer.begin(this.tokens.length);
  }

  /**
   * Records that `tokens` have been stored after those before; whole batches are `batch` of a prompt at once. Without
   * `batch`, they are not part of a prompt.
   */
  store(tokens: readonly number[], batch?: number): void {
    if (tokens.length === batch && this.exact === this.tokens.length) this.exact += batch;
    this.tokens.append(tokens);
    this.written = Math.max(this.written, this.tokens.length);
    this.#stored();
  }

  /**
   * Records that `tokens` have been copied here, into an empty cache; `exact` and `written` are those of the copied text.
   */
  assign(tokens: ReadonlyTokens, exact: number, written: number = tokens.length): void {
    this.tokens.truncate(0);
    this.tokens.append(tokens);
    this.exact = Math.min(exact, tokens.length);
    this.written = written;
    this.state.replaced();
    this.#stored();
  }

  /** Saves the state at the present position, if it could not be taken back there else. */
  snapshot(): void {
    for (const layer of this.state.layers) layer.snapshot();
  }

  /**
   * Forgets all but the first `length` tokens, or more where a layer cannot be taken back to that position. Returns the
   * number of tokens that stay. A pass whose tokens were not stored is undone.
   */
  truncate(length: number): number {
    const reached = this.reachable(Math.min(length, this.tokens.length));
    for (const layer of this.state.layers) layer.restore(reached);
    this.tokens.truncate(reached);
    this.exact = Math.min(this.exact, reached);
    if (reached === 0) this.written = 0;
    return reached;
  }

  /** The largest position, at most `length`, to which all layers of such a cache can take a text back. */
  reachable(length: number, text: StoredText = this): number {
    const reached = this.state.layers.reduce((position, layer) => layer.reachable(position, text), length);
    return reached === length ? length : this.reachable(reached, text);
  }

  /**
   * The pieces of a text of `length` tokens, layer by layer, and the parts of them that its first `wanted` tokens need.
   */
  pieces(
    length: number,
    wanted: number = length,
    snapshots: readonly number[] = this.snapshots,
  ): readonly StatePiece[] {
    return this.state.layers.flatMap((state, layer) =>
      state.pieces(length, wanted, snapshots).map((piece) => ({ ...piece, layer })),
    );
  }

  /** Copies the bytes of a piece that lies in memory to `into`, which is as long. */
  copy(piece: StatePiece, into: Uint8Array): void {
    at(this.state.layers, piece.layer).copy(piece, into);
  }

  /** The bytes of a piece, wherever it lies. Rejects with READ_FAILED, FILE_CHANGED. */
  read(piece: StatePiece): Promise<Uint8Array> {
    return at(this.state.layers, piece.layer).read(piece);
  }

  /** Overwrites the first bytes of a piece with `bytes`. Rejects with WRITE_FAILED. */
  write(piece: StatePiece, bytes: Uint8Array): Promise<void> {
    return at(this.state.layers, piece.layer).write(piece, bytes);
  }

  #stored(): void {
    for (const layer of this.state.layers) layer.stored(this.tokens.length);
  }

  [Symbol.dispose](): void {
    this.state[Symbol.dispose]();
  }
}
