import { randomBytes } from 'node:crypto';
import type { Ending } from '../../worker/backend.ts';
import type { AnswerBlock, BlockEvent } from '../answer-blocks.ts';
import type { BlockFormat, TypedEvent } from '../respond-with-blocks.ts';
import { argumentsObject } from '../tool-arguments.ts';
import { anthropicError } from './errors.ts';

const stopReasons: Readonly<Record<Ending['reason'], string>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  toolCalls: 'tool_use',
};

const stopOf = ({ reason, stopText }: Ending): object =>
  reason === 'stop' && stopText !== undefined
    ? { stop_reason: 'stop_sequence', stop_sequence: stopText }
    : { stop_reason: stopReasons[reason], stop_sequence: null };

/** The usage; tokens from the prefix cache are no part of `input_tokens`. */
const usageOf = (promptTokens: number, cachedTokens: number, answerTokens: number): object => ({
  input_tokens: promptTokens - cachedTokens,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: cachedTokens,
  output_tokens: answerTokens,
});

const usage = ({ promptTokens, cachedTokens, answerTokens }: Ending): object =>
  usageOf(promptTokens, cachedTokens, answerTokens);

/** A block with its content; `text` is that of a block which has just been opened, or all of it. */
function contentOf({ kind, name, id }: AnswerBlock, text: string): object {
  switch (kind) {
    case 'text':
      return { type: 'text', text };
    case 'thinking':
      // Nobody signs thoughts here, and clients want a text.
      return { type: 'thinking', thinking: text, signature: '' };
    case 'call':
      return { type: 'tool_use', id, name, input: argumentsObject(text) };
    default:
      return kind satisfies never;
  }
}

function deltaOf({ kind }: AnswerBlock, text: string): object {
  switch (kind) {
    case 'text':
      return { type: 'text_delta', text };
    case 'thinking':
      return { type: 'thinking_delta', thinking: text };
    case 'call':
      return { type: 'input_json_delta', partial_json: text };
    default:
      return kind satisfies never;
  }
}

function blockEvents(event: BlockEvent): readonly TypedEvent[] {
  const { index } = event.block;
  switch (event.kind) {
    case 'opened':
      return [{ type: 'content_block_start', index, content_block: contentOf(event.block, '') }];
    case 'grown':
      return [{ type: 'content_block_delta', index, delta: deltaOf(event.block, event.text) }];
    case 'closed':
      return [{ type: 'content_block_stop', index }];
    default:
      return event satisfies never;
  }
}

/** The answer of a model in the form of Anthropic's messages. */
export function messageFormat(model: string): BlockFormat {
  const head = { id: `msg_${randomBytes(12).toString('hex')}`, type: 'message', role: 'assistant', model };
  const noStop = { stop_reason: null, stop_sequence: null };
  return {
    keepAlive: (comment) => `: ${comment}\nevent: ping\ndata: {"type":"ping"}\n\n`,
    opening: (promptTokens) => [
      { type: 'message_start', message: { ...head, content: [], ...noStop, usage: usageOf(promptTokens, 0, 0) } },
    ],
    block: blockEvents,
    closing: (ending) => [
      { type: 'message_delta', delta: stopOf(ending), usage: usage(ending) },
      { type: 'message_stop' },
    ],
    failed: (error) => [{ ...anthropicError(error) }],
    whole: (ending, blocks) => ({
      ...head,
      content: blocks.map((block) => contentOf(block, block.text)),
      ...stopOf(ending),
      usage: usage(ending),
    }),
    wholeFailed: anthropicError,
  };
}
