import type { LlamaContext } from '../ggml/llama-context.ts';
import type { LlamaModel } from '../ggml/llama-model.ts';
import type { LayerState, StatePiece, StoredText } from './layer-state.ts';
import type { SequenceState } from './sequence-state.ts';

/** The states that libllama keeps of one text: a sequence of a context. */
export class LlamaSequence implements SequenceState {
  /** The number of the sequence in its context. */
  readonly sequence: number;
  readonly layers: readonly LayerState[];
  readonly context: number;
  readonly form: string;
  readonly inMemory = false;

  /** An empty sequence of `llama`, which may grow to `context` tokens. */
  constructor(llama: LlamaContext, options: { sequence: number; context: number; form: string; model: LlamaModel }) {
    this.sequence = options.sequence;
    this.context = options.context;
    this.form = options.form;
    this.layers = [new LlamaLayer(llama, options)];
  }

  /** The sequence that a state is. Throws RangeError for another source's. */
  static of(state: SequenceState): LlamaSequence {
    if (state instanceof LlamaSequence) return state;
    throw new RangeError('the state is none of libllama');
  }

  replaced(): void {}

  [Symbol.dispose](): void {}
}

/** All layers of a sequence, as libllama keeps them. */
class LlamaLayer implements LayerState {
  readonly snapshots: readonly number[] = [];
  readonly #llama: LlamaContext;
  readonly #sequence: number;
  readonly #model: LlamaModel;

  constructor(llama: LlamaContext, { sequence, model }: { sequence: number; model: LlamaModel }) {
    this.#llama = llama;
    this.#sequence = sequence;
    this.#model = model;
  }

  reachable(length: number, { tokens }: StoredText): number {
    const kept = this.#llama.keptOf(this.#sequence);
    const stored = kept ? kept.last + 1 : 0;
    if (length === tokens.length && stored === length) return length;
    if (this.#model.memory !== 'attention' || stored < length) return 0;
    const { window } = this.#model;
    return window === 0 || kept === undefined || kept.first <= Math.max(0, length - window) ? length : 0;
  }

  begin(): void {}

  stored(): void {}

  snapshot(): void {}

  restore(position: number): void {
    this.#llama.remove(this.#sequence, position);
  }

  pieces(): readonly Omit<StatePiece, 'layer'>[] {
    return [];
  }

  view(): Uint8Array {
    throw new RangeError('the state has no pieces');
  }

  async read(): Promise<Uint8Array> {
    return this.view();
  }

  async write(): Promise<void> {
    this.view();
  }
}
