import type { Log } from '../base/log.ts';
import type { ServedModel } from '../library/model-card.ts';
import type { Backend, Ending, GenerationRequest, PrefillProgress } from '../worker/backend.ts';
import { type AnswerBlock, AnswerBlocks, type BlockEvent } from './answer-blocks.ts';
import { PrefillComment } from './prefill-comment.ts';
import { logFailure } from './refusal.ts';
import { warnOfIdleThinking } from './request/idle-thinking.ts';
import { recorded } from './request/request-log.ts';
import { reservationOf } from './request/reservations.ts';
import { warnOfIdleOptions, withUsualSampling } from './request/sampling-fields.ts';
import { clientOf, type StreamTimeouts, streamed } from './streaming.ts';
import { AnswerMeter } from './timings.ts';

/** A server-sent event: `type` is its name as well. */
export type TypedEvent = Readonly<Record<string, unknown>> & { readonly type: string };

/** The form in which an API writes one answer of blocks. Made for one request. */
export interface BlockFormat {
  /** The bytes that break the silence of a stream; `comment` says what goes on. */
  keepAlive(comment: string): string;
  /** Events before the first block, when the model has begun. */
  opening(promptTokens: number): readonly TypedEvent[];
  block(event: BlockEvent): readonly TypedEvent[];
  /** Events that tell the progress through the prompt, if the request wants them. */
  readonly progress?: ((progress: PrefillProgress) => readonly TypedEvent[]) | undefined;
  closing(ending: Ending, blocks: readonly AnswerBlock[]): readonly TypedEvent[];
  /** The end of a stream that failed. */
  failed(error: unknown): readonly TypedEvent[];
  /** An answer as a whole. */
  whole(ending: Ending, blocks: readonly AnswerBlock[]): object;
  /** A failure in place of a whole answer whose headers have gone. */
  wholeFailed(error: unknown): object;
}

/** Parts that the endpoints work with. */
export interface BlockService {
  readonly backend: Backend;
  readonly log: Log;
  readonly timeouts: StreamTimeouts;
}

interface BlockJob {
  readonly request: Request;
  readonly model: ServedModel;
  readonly generation: GenerationRequest;
  readonly keepAlive: number | undefined;
  readonly stream: boolean;
  /** Brings the times so far with each event of a stream. */
  readonly timings?: boolean;
  readonly format: BlockFormat;
}

const framed = (events: readonly TypedEvent[]): string =>
  events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('');

/** The response to a request for one answer. Rejects as `Backend.generate`; later failures are told in the body. */
export function respondWithBlocks(
  { backend, log, timeouts }: BlockService,
  { request, model, generation, keepAlive, stream, timings, format }: BlockJob,
): Promise<Response> {
  const client = clientOf(request);
  warnOfIdleOptions(request, generation.sampling, model);
  warnOfIdleThinking(request, generation, model);
  const prefill = new PrefillComment();
  const form = stream
    ? { contentType: 'text/event-stream', keepAlive: () => format.keepAlive(prefill.text) }
    : { contentType: 'application/json', keepAlive: () => ' ' };
  const failed = (error: unknown): string => {
    logFailure(log, error, new URL(request.url).pathname);
    return stream ? framed(format.failed(error)) : JSON.stringify(format.wholeFailed(error));
  };
  return streamed(client, { ...timeouts, ...form, failed }, async (write) => {
    const { signal } = client;
    const wanted = { ...withUsualSampling(generation, model), progress: stream };
    const answer = await recorded(request, model.name, () => backend.generate(model, wanted, { signal, keepAlive }));
    const blocks = new AnswerBlocks(reservationOf(request));
    const meter = new AnswerMeter(answer.promptTokens);
    const timed = (events: readonly TypedEvent[]): readonly TypedEvent[] =>
      timings ? events.map((event) => ({ ...event, timings: meter.timings })) : events;
    let opened = false;
    // Formats number their events: the opening ones are made first.
    const open = (): readonly TypedEvent[] => {
      const opening = opened ? [] : format.opening(answer.promptTokens);
      opened = true;
      return opening;
    };
    const send = async (events: Iterable<BlockEvent>): Promise<void> => {
      for (const event of events) if (stream) await write(framed([...open(), ...timed(format.block(event))]));
    };
    for await (const delta of answer) {
      prefill.read(delta);
      meter.read(delta);
      if (delta.progress && stream && format.progress) {
        await write(framed([...open(), ...format.progress(delta.progress)]));
      }
      await send(blocks.push(delta));
    }
    await send(blocks.end());
    const { ending } = answer;
    if (!ending) throw new Error('an answer has ended without an ending');
    const { all } = blocks;
    await write(stream ? framed(format.closing(ending, all)) : JSON.stringify(format.whole(ending, all)));
  });
}
