import { randomBytes } from 'node:crypto';
import type { TokenLogprob } from '../../worker/backend.ts';
import type { AnswerBlock, BlockEvent } from '../answer-blocks.ts';
import { finiteLogprob } from '../finite-logprob.ts';

/** A new id, with what it stands for in front. */
export const newId = (prefix: string): string => `${prefix}_${randomBytes(24).toString('hex')}`;

const entry = ({ text, bytes, logprob }: Omit<TokenLogprob, 'top'>): object => ({
  token: text,
  bytes,
  logprob: finiteLogprob(logprob),
});
const logprobsOf = (tokens: readonly TokenLogprob[]): object =>
  tokens.map((token) => ({ ...entry(token), top_logprobs: token.top.map(entry) }));

const textPart = ({ text, logprobs }: Pick<AnswerBlock, 'text' | 'logprobs'>): object => ({
  type: 'output_text',
  text,
  annotations: [],
  logprobs: logprobsOf(logprobs),
});
const summaryPart = (text: string): object => ({ type: 'summary_text', text });

/** An event without its number. */
type Event = readonly [type: string, members: object];

/** The items of one response: blocks of an answer with ids of their own. */
export class OutputItems {
  readonly #ids: string[] = [];
  readonly #encrypted: boolean;

  /** Items; `encrypted` adds thoughts in the member that clients send back. */
  constructor(encrypted: boolean) {
    this.#encrypted = encrypted;
  }

  /** A block as an item. One that has just been opened has no content yet. */
  item(block: AnswerBlock, status: string): object {
    const { kind, name, id: call_id, text } = block;
    const opened = status === 'in_progress';
    switch (kind) {
      case 'text':
        return {
          id: this.#idOf(block, 'msg'),
          type: 'message',
          status,
          role: 'assistant',
          content: opened ? [] : [textPart(block)],
        };
      case 'thinking':
        // Clients show summaries: nobody writes others here than the thoughts themselves.
        return {
          id: this.#idOf(block, 'rs'),
          type: 'reasoning',
          status,
          summary: opened ? [] : [summaryPart(text)],
          ...(this.#encrypted && { encrypted_content: opened ? '' : text }),
        };
      case 'call':
        return {
          id: this.#idOf(block, 'fc'),
          type: 'function_call',
          status,
          call_id,
          name,
          arguments: opened ? '' : text,
        };
      default:
        return kind satisfies never;
    }
  }

  /** The events of a block's news. */
  events(event: BlockEvent): readonly Event[] {
    const { block, kind } = event;
    const place = { output_index: block.index };
    if (kind === 'opened') {
      const item = this.item(block, 'in_progress');
      return [['response.output_item.added', { ...place, item }], ...this.#opened(block)];
    }
    if (kind === 'closed') {
      const item = this.item(block, 'completed');
      return [...this.#closed(block), ['response.output_item.done', { ...place, item }]];
    }
    const { text: delta, logprobs } = event;
    switch (block.kind) {
      case 'text':
        return [['response.output_text.delta', { ...this.#placeOf(block), delta, logprobs: logprobsOf(logprobs) }]];
      case 'thinking':
        return [['response.reasoning_summary_text.delta', { ...this.#placeOf(block), delta }]];
      case 'call':
        return [['response.function_call_arguments.delta', { ...this.#placeOf(block), delta }]];
      default:
        return block.kind satisfies never;
    }
  }

  #opened(block: AnswerBlock): readonly Event[] {
    const place = this.#placeOf(block);
    if (block.kind === 'text') {
      return [['response.content_part.added', { ...place, part: textPart({ text: '', logprobs: [] }) }]];
    }
    return block.kind === 'thinking'
      ? [['response.reasoning_summary_part.added', { ...place, part: summaryPart('') }]]
      : [];
  }

  #closed(block: AnswerBlock): readonly Event[] {
    const { kind, text, name, logprobs } = block;
    const place = this.#placeOf(block);
    switch (kind) {
      case 'text':
        return [
          ['response.output_text.done', { ...place, text, logprobs: logprobsOf(logprobs) }],
          ['response.content_part.done', { ...place, part: textPart(block) }],
        ];
      case 'thinking':
        return [
          ['response.reasoning_summary_text.done', { ...place, text }],
          ['response.reasoning_summary_part.done', { ...place, part: summaryPart(text) }],
        ];
      case 'call':
        return [['response.function_call_arguments.done', { ...place, name, arguments: text }]];
      default:
        return kind satisfies never;
    }
  }

  /** The place of a block's text: its item, and the part of that. */
  #placeOf(block: AnswerBlock): object {
    const item_id = this.#ids[block.index];
    const item = { item_id, output_index: block.index };
    if (block.kind === 'call') return item;
    return block.kind === 'text' ? { ...item, content_index: 0 } : { ...item, summary_index: 0 };
  }

  #idOf({ index }: AnswerBlock, prefix: string): string {
    this.#ids[index] ??= newId(prefix);
    return this.#ids[index];
  }
}
