import assert from 'node:assert/strict';
import type { KvShape } from '../../src/state/kv-shape.ts';
import { KvStore } from '../../src/state/kv-store.ts';
import type { LayerState, StatePiece, StoredText } from '../../src/state/layer-state.ts';
import type { SequenceState } from '../../src/state/sequence-state.ts';
import { someMemory } from './tensors.ts';

type SavedState = readonly [hash: number, position: number];

const bytes = 8;

/** The next state of a recurrent layer that is made up: a hash of all tokens so far. */
export function nextHash(hash: number, token: number): number {
  const mixed = Math.imul(hash ^ (token + 0x9e3779b9), 0x85ebca6b);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}

/**
 * A made-up recurrent layer. Its state has forgotten the tokens that it was made of, so that it cannot be taken back but
 * to where it was saved: where a pass began, and at one other position.
 */
export class RecurrentState implements LayerState {
  readonly #state: Uint32Array = new Uint32Array(2);
  #begun: SavedState | undefined;
  #passing = false;
  #saved: SavedState | undefined;

  get hash(): number {
    return this.#now[0];
  }

  get position(): number {
    return this.#now[1];
  }

  /** Takes a token, as computing does. */
  step(token: number): void {
    this.#now = [nextHash(this.hash, token), this.position + 1];
  }

  get snapshots(): readonly number[] {
    return this.#snapshots.map(([, position]) => position);
  }

  reachable(length: number, { tokens, snapshots }: StoredText): number {
    if (length >= tokens.length) return tokens.length;
    return snapshots.findLast((position) => position <= length) ?? 0;
  }

  begin(position: number): void {
    assert.equal(this.position, position, 'a pass goes on from where the state is');
    this.#begun = this.#now;
    this.#passing = true;
  }

  stored(position: number): void {
    assert.equal(this.position, position, 'the state has all tokens that are stored');
    this.#passing = false;
  }

  snapshot(): void {
    this.#saved = this.#now;
  }

  restore(position: number): void {
    if (position === 0) this.#now = [0, 0];
    else if (position !== this.position) {
      const saved = this.#snapshots.find(([, at]) => at === position);
      this.#now = saved ?? assert.fail(`it was not saved at ${position}`);
    }
    this.#begun = undefined;
    this.#passing = false;
    if (this.#saved && this.#saved[1] > position) this.#saved = undefined;
  }

  pieces(length: number, wanted: number, snapshots: readonly number[]): readonly Omit<StatePiece, 'layer'>[] {
    const positions = length > 0 ? [...snapshots, length] : [];
    return positions.map((index) => ({
      part: 'state',
      index,
      offset: 0,
      length: bytes,
      needed: index <= wanted ? bytes : 0,
    }));
  }

  copy(piece: StatePiece, into: Uint8Array): void {
    into.set(this.#view(piece));
  }

  #view({ index }: StatePiece): Uint8Array {
    assert.ok(!this.#passing, 'a pass was neither stored nor undone');
    const saved = this.#snapshots.find(([, position]) => position === index);
    const state = index === this.position ? this.#state : Uint32Array.from(saved ?? assert.fail());
    return new Uint8Array(state.buffer, state.byteOffset, bytes);
  }

  async read(piece: StatePiece): Promise<Uint8Array> {
    return this.#view(piece);
  }

  async write(_: StatePiece, state: Uint8Array): Promise<void> {
    if (this.position > 0) this.snapshot();
    new Uint8Array(this.#state.buffer).set(state);
  }

  get #now(): SavedState {
    const [hash = 0, position = 0] = this.#state;
    return [hash, position];
  }

  set #now(state: SavedState) {
    this.#state.set(state);
  }

  /** In ascending order. */
  get #snapshots(): readonly SavedState[] {
    const all = [this.#saved, this.#begun].flatMap((saved) => (saved ? [saved] : []));
    return all
      .filter(([, position], i) => position > 0 && all.findIndex(([, other]) => other === position) === i)
      .sort(([, a], [, b]) => a - b);
  }
}

/** The states of a text whose last layer is a made-up recurrent one; the others have keys and values. */
export class RecurrentStates implements SequenceState {
  readonly recurrent: RecurrentState = new RecurrentState();
  readonly layers: readonly LayerState[];
  readonly context: number;
  readonly form: string;
  readonly inMemory = true;
  readonly canCopy = true;
  readonly #kv: KvStore;

  constructor(shape: KvShape) {
    this.#kv = KvStore.allocate(shape, someMemory);
    this.layers = [...this.#kv.layers, this.recurrent];
    this.context = shape.context;
    this.form = `${this.#kv.form} and a recurrent layer`;
  }

  /** The recurrent layer of a text's states. */
  static of(states: SequenceState): RecurrentState {
    assert.ok(states instanceof RecurrentStates);
    return states.recurrent;
  }

  replaced(): void {
    this.#kv.replaced();
  }

  [Symbol.dispose](): void {
    this.#kv[Symbol.dispose]();
  }
}
