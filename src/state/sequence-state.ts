import type { LayerState } from './layer-state.ts';

/** The states that a model's layers keep of one text. The source of its graphs makes them, and computes on them. */
export interface SequenceState extends Disposable {
  readonly layers: readonly LayerState[];
  /** Tokens that the text may grow to. */
  readonly context: number;
  /** A name for the form of the stored bytes: those of a text are of use in every state of the same form. */
  readonly form: string;
  /** True if nothing lives on the SSD. */
  readonly inMemory: boolean;
  /** True if the text can be copied to memory or files and put back from there. */
  readonly canCopy: boolean;
  /** Scales of LoRA adapters that its text is computed with; undefined for those of the model. */
  scales?: readonly number[] | undefined;
  /** Records that other bytes were put in place of stored ones. */
  replaced(): void;
}
