import type { LayerState } from './layer-state.ts';
import type { SequenceState } from './sequence-state.ts';

/** The state of a text that is computed whole, in one pass: its layers keep nothing. */
export class WholeText implements SequenceState {
  readonly layers: readonly LayerState[] = [];
  readonly form = 'nothing';
  readonly inMemory = true;
  readonly canCopy = false;
  readonly context: number;

  constructor(context: number) {
    this.context = context;
  }

  replaced(): void {}

  [Symbol.dispose](): void {}
}
