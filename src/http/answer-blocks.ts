import type { Delta, TokenLogprob } from '../worker/backend.ts';
import type { Reservation } from './request/request-memory.ts';
import { WholeAnswer } from './whole-answer.ts';

/** A part of an answer of one kind: thoughts, text, or the call of a tool. */
export interface AnswerBlock {
  readonly kind: 'thinking' | 'text' | 'call';
  /** Number of the block in the answer, from 0. */
  readonly index: number;
  /** Name and id of a call; empty for the other kinds. */
  readonly name: string;
  readonly id: string;
  /** Text so far; of a call, its arguments as JSON. */
  readonly text: string;
  readonly logprobs: readonly TokenLogprob[];
}

/** News of an answer. Blocks come one after the other: each is closed before the next is opened. */
export type BlockEvent =
  | { readonly kind: 'opened'; readonly block: AnswerBlock }
  | {
      readonly kind: 'grown';
      readonly block: AnswerBlock;
      readonly text: string;
      readonly logprobs: readonly TokenLogprob[];
    }
  | { readonly kind: 'closed'; readonly block: AnswerBlock };

/** A part of a block; one of another kind, or of another call, begins the next block. */
interface Part {
  readonly kind: AnswerBlock['kind'];
  /** Number of the call. */
  readonly call?: number;
  readonly name?: string | undefined;
  readonly id?: string | undefined;
  readonly text?: string;
  readonly logprobs?: readonly TokenLogprob[];
}

class GrowingBlock implements AnswerBlock {
  readonly kind: AnswerBlock['kind'];
  readonly index: number;
  readonly name: string;
  readonly id: string;
  readonly call: number | undefined;
  readonly #whole: WholeAnswer;

  constructor(reservation: Reservation, index: number, { kind, name = '', id = '', call }: Part) {
    this.kind = kind;
    this.index = index;
    this.name = name;
    this.id = id;
    this.call = call;
    this.#whole = new WholeAnswer(reservation);
  }

  get text(): string {
    return this.#whole.text;
  }

  get logprobs(): readonly TokenLogprob[] {
    return this.#whole.logprobs;
  }

  push(delta: Delta): void {
    this.#whole.push(delta);
  }
}

/** Divides an answer into blocks, which are kept: APIs repeat each when it is complete, and all of them at the end. */
export class AnswerBlocks {
  readonly #reservation: Reservation;
  readonly #blocks: GrowingBlock[] = [];
  #open = false;

  constructor(reservation: Reservation) {
    this.#reservation = reservation;
  }

  get all(): readonly AnswerBlock[] {
    return this.#blocks;
  }

  /** Takes a delta. Throws a Refusal if there is no room for more. */
  *push({ text, thinking, toolCalls = [], logprobs }: Delta): Generator<BlockEvent, void, void> {
    if (thinking) yield* this.#add({ kind: 'thinking', text: thinking });
    // Log-probabilities of thoughts and calls are those of no text.
    if (text !== '') yield* this.#add({ kind: 'text', text, logprobs });
    for (const { index, name, id, arguments: json } of toolCalls) {
      yield* this.#add({ kind: 'call', call: index, name, id, text: json });
    }
  }

  /** Closes the last block; an answer without any has an empty text. */
  *end(): Generator<BlockEvent, void, void> {
    if (this.#blocks.length === 0) yield* this.#add({ kind: 'text' });
    yield* this.#close();
  }

  *#add(part: Part): Generator<BlockEvent, void, void> {
    const { text = '', logprobs = [] } = part;
    let block = this.#open ? this.#blocks.at(-1) : undefined;
    if (!block || block.kind !== part.kind || block.call !== part.call) {
      yield* this.#close();
      block = new GrowingBlock(this.#reservation, this.#blocks.length, part);
      this.#blocks.push(block);
      this.#open = true;
      yield { kind: 'opened', block };
    }
    if (text === '' && logprobs.length === 0) return;
    block.push({ text, logprobs });
    yield { kind: 'grown', block, text, logprobs };
  }

  *#close(): Generator<BlockEvent, void, void> {
    const block = this.#blocks.at(-1);
    if (!this.#open || !block) return;
    this.#open = false;
    yield { kind: 'closed', block };
  }
}
