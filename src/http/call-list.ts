import type { ToolCall, ToolCallDelta } from '../chat/message.ts';
import { LongText } from '../text/long-text.ts';

/** A call and its place among the calls of an answer. */
export interface ListedCall extends ToolCall {
  readonly index: number;
}

/** Calls that are put together from their parts. They come one after the other. */
export class CallList {
  #open: { readonly index: number; readonly id: string; readonly name: string; readonly text: LongText } | undefined;

  /** Adds the next parts. Returns the calls that are whole because another one has begun. */
  push(deltas: readonly ToolCallDelta[]): readonly ListedCall[] {
    const whole: ListedCall[] = [];
    for (const { index, id, name, arguments: text } of deltas) {
      if (id !== undefined && name !== undefined) {
        whole.push(...this.end());
        this.#open = { index, id, name, text: new LongText() };
      }
      this.#open?.text.push(text);
    }
    return whole;
  }

  /** The last call, which nothing follows any more. */
  end(): readonly ListedCall[] {
    if (!this.#open) return [];
    const { index, id, name, text } = this.#open;
    this.#open = undefined;
    return [{ index, id, name, arguments: `${text}` }];
  }
}
