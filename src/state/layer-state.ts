import type { ReadonlyTokens } from '../text/token-list.ts';

/** A text as it was stored. Positions in it are numbers of tokens from its beginning. */
export interface StoredText {
  /** The tokens that are stored, from the first one on. */
  readonly tokens: ReadonlyTokens;
  /** Scales of LoRA adapters that they were computed with; undefined for those of the model. */
  readonly scales?: readonly number[] | undefined;
  /** The number of them that belong to prompts and were computed in whole batches. */
  readonly exact: number;
  /** The most tokens that were ever stored: where rows are taken in turns, they have overwritten others. */
  readonly written: number;
  /** Positions before the last one whose states were saved, in ascending order. */
  readonly snapshots: readonly number[];
}

/** Bytes of a stored text, small enough to be copied on the way. */
export interface StatePiece {
  readonly layer: number;
  readonly part: 'k' | 'v' | 'sinks' | 'state';
  /** The head of keys and values; the position of a state. */
  readonly index: number;
  /** Bytes from the beginning of that part: a multiple of the spill unit. */
  readonly offset: number;
  readonly length: number;
  /** The first bytes of it that a shorter text needs. */
  readonly needed: number;
}

/**
 * The state that a layer keeps of a text. Rows of keys and values can be cut off behind any token, and a window's behind
 * the last ones; a recurrent state cannot be cut: it goes back to where it was saved.
 */
export interface LayerState {
  /** The largest position, at most `length`, to which such a layer can take a stored text back. */
  reachable(length: number, text: StoredText): number;
  /** Positions before the present one whose states are saved, in ascending order. */
  readonly snapshots: readonly number[];
  /**
   * Announces a pass from `position` on, which stays reachable until `restore` is called. Then it is stored, or undone by
   * `restore`, before anything else is asked.
   */
  begin(position: number): void;
  /** Records that the text up to `position` is stored, by a pass or by pieces that were written. */
  stored(position: number): void;
  /** Saves the state at the present position; one that was saved earlier may make room. */
  snapshot(): void;
  /** Takes the text back to a reachable position, the present one perhaps; 0 is the beginning. */
  restore(position: number): void;
  /**
   * The pieces of a text of `length` tokens with these snapshots, and the parts of them that its first `wanted` tokens
   * need, a reachable position.
   */
  pieces(length: number, wanted: number, snapshots: readonly number[]): readonly Omit<StatePiece, 'layer'>[];
  /** Copies the bytes of a piece that lies in memory to `into`, which is as long. */
  copy(piece: StatePiece, into: Uint8Array): void;
  /** The bytes of a piece, wherever it lies. Rejects with READ_FAILED, FILE_CHANGED. */
  read(piece: StatePiece): Promise<Uint8Array>;
  /**
   * Overwrites the first bytes of a piece with `bytes`. Those of a text are written in the order of `pieces`, to an empty
   * one. Rejects with WRITE_FAILED, GRAPH_FAILED.
   */
  write(piece: StatePiece, bytes: Uint8Array): Promise<void>;
}

/** Bytes of a piece of rows at most: a multiple of the spill unit. */
const pieceBytes: number = 2 ** 22;
/** Bytes of any piece at most; it is in memory on its way to a file, and a state is one piece. */
export const mostPieceBytes: number = 2 ** 26;

/** Cuts `length` bytes of a part into pieces; the first `needed` bytes are needed. */
export const cutIntoPieces = (
  part: StatePiece['part'],
  index: number,
  { length, needed }: { length: number; needed: number },
): readonly Omit<StatePiece, 'layer'>[] =>
  Array.from({ length: Math.ceil(length / pieceBytes) }, (_, i) => {
    const offset = i * pieceBytes;
    const within = (bytes: number): number => Math.max(0, Math.min(pieceBytes, bytes - offset));
    return { part, index, offset, length: within(length), needed: within(needed) };
  });
