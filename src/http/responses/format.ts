import type { Ending } from '../../worker/backend.ts';
import type { AnswerBlock, BlockEvent } from '../answer-blocks.ts';
import { promptProgress } from '../prefill-comment.ts';
import { errorResponseOf } from '../refusal.ts';
import type { BlockFormat, TypedEvent } from '../respond-with-blocks.ts';
import { timingsOf } from '../timings.ts';
import { newId, OutputItems } from './items.ts';
import type { ResponsesRequest } from './requests.ts';

const usageOf = ({ promptTokens, cachedTokens, answerTokens, thoughtTokens }: Ending): object => ({
  input_tokens: promptTokens,
  input_tokens_details: { cached_tokens: cachedTokens },
  output_tokens: answerTokens,
  output_tokens_details: { reasoning_tokens: thoughtTokens },
  total_tokens: promptTokens + answerTokens,
});

type ResponseOptions = Pick<ResponsesRequest, 'repeated' | 'encrypted' | 'progress'>;

/** One response in OpenAI's form: whole, or as numbered events. */
export class ResponseFormat implements BlockFormat {
  readonly #head: object;
  readonly #repeated: object;
  readonly #items: OutputItems;
  readonly #tellsProgress: boolean;
  #events = 0;

  /** A response of `model`; `repeated` are members of the request. */
  constructor(model: string, { repeated, encrypted, progress }: ResponseOptions) {
    this.#head = { id: newId('resp'), object: 'response', created_at: Math.floor(Date.now() / 1000), model };
    this.#repeated = repeated;
    this.#tellsProgress = progress;
    this.#items = new OutputItems(encrypted);
  }

  keepAlive(comment: string): string {
    return `: ${comment}\n\n`;
  }

  opening(): readonly TypedEvent[] {
    return ['response.created', 'response.in_progress'].map((type) =>
      this.#event(type, { response: this.#response('in_progress', []) }),
    );
  }

  block(event: BlockEvent): readonly TypedEvent[] {
    return this.#items.events(event).map(([type, members]) => this.#event(type, members));
  }

  get progress(): BlockFormat['progress'] {
    if (!this.#tellsProgress) return undefined;
    return (progress) => {
      const response = this.#response('in_progress', []);
      return [this.#event('response.in_progress', { response, prompt_progress: promptProgress(progress) })];
    };
  }

  closing(ending: Ending, blocks: readonly AnswerBlock[]): readonly TypedEvent[] {
    const type = ending.reason === 'length' ? 'response.incomplete' : 'response.completed';
    return [this.#event(type, { response: this.whole(ending, blocks), timings: timingsOf(ending) })];
  }

  failed(cause: unknown): readonly TypedEvent[] {
    const { message } = errorResponseOf(cause).error;
    const error = { code: 'server_error', message };
    // Clients take a stream apart from its first event on.
    const opening = this.#events === 0 ? this.opening() : [];
    return [...opening, this.#event('response.failed', { response: { ...this.#response('failed', []), error } })];
  }

  whole(ending: Ending, blocks: readonly AnswerBlock[]): object {
    const cut = ending.reason === 'length';
    return {
      ...this.#response(cut ? 'incomplete' : 'completed', blocks),
      incomplete_details: cut ? { reason: 'max_output_tokens' } : null,
      usage: usageOf(ending),
    };
  }

  wholeFailed(cause: unknown): object {
    return { error: errorResponseOf(cause).error };
  }

  #event(type: string, members: object): TypedEvent {
    const sequence_number = this.#events;
    this.#events += 1;
    return { type, sequence_number, ...members };
  }

  #response(status: string, blocks: readonly AnswerBlock[]): object {
    const output = blocks.map((block) => this.#items.item(block, status));
    return { ...this.#head, status, error: null, incomplete_details: null, ...this.#repeated, output, usage: null };
  }
}
