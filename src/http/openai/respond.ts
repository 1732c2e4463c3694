import { randomBytes } from 'node:crypto';
import { at } from '../../base/at.ts';
import type { Log } from '../../base/log.ts';
import type { ServedModel } from '../../library/model-card.ts';
import { type Backend, type Delta, type Ending, isEmpty, type Prompt } from '../../worker/backend.ts';
import { unitsOf } from '../../worker/fit-request.ts';
import { endOf, partOf } from '../llama-server/answer.ts';
import { PrefillComment, promptProgress } from '../prefill-comment.ts';
import { failedBody } from '../refusal.ts';
import { warnOfIdleThinking } from '../request/idle-thinking.ts';
import { biasByToken } from '../request/logit-biases.ts';
import { reservationOf } from '../request/reservations.ts';
import { warnOfIdleOptions, withUsualSampling } from '../request/sampling-fields.ts';
import { clientOf, type StreamTimeouts, streamed } from '../streaming.ts';
import { AnswerMeter, timingsOf } from '../timings.ts';
import { WholeAnswer } from '../whole-answer.ts';
import { Choices } from './choices.ts';
import type { OpenAiParams } from './requests.ts';

/** OpenAI's name for the reason of an ending. */
type FinishReason = 'stop' | 'length' | 'tool_calls';

const finishReason = ({ reason }: Ending): FinishReason => (reason === 'toolCalls' ? 'tool_calls' : reason);

/** A choice as an endpoint writes it, with `index` and `finish_reason`. */
export type Choice = Readonly<Record<string, unknown>>;

/** The differences between endpoints: prefix of ids, names of objects, form of choices. Made for one request. */
export interface ChoiceFormat {
  readonly idPrefix: string;
  readonly object: string;
  readonly chunkObject: string;
  /** The choice that opens a stream before the model begins, if any. */
  opening(index: number): Choice | undefined;
  /** A part of an answer, in a stream. */
  piece(delta: Delta, index: number): Choice;
  /** The end of an answer, in a stream. */
  closing(reason: FinishReason, index: number): Choice;
  /** An answer as a whole. */
  whole(delta: Delta, index: number, reason: FinishReason): Choice;
}

/** Parts that the endpoints work with. */
export interface OpenAiService {
  readonly backend: Backend;
  readonly log: Log;
  readonly timeouts: StreamTimeouts;
}

interface ChoicesJob {
  readonly request: Request;
  readonly model: ServedModel;
  readonly params: OpenAiParams;
  readonly prompts: readonly Prompt[];
  readonly format: ChoiceFormat;
}

interface ChunksJob extends ChoicesJob {
  readonly prefill: PrefillComment;
  /** The text of the prompt, where the answer tells it. */
  readonly shownPrompt: string | undefined;
}

/** Bytes of a UTF-16 unit, or a token, in a prompt on its way to an engine. */
const perUnit = 8;

type Send = (data: string) => Promise<void>;

const plain = { contentType: 'application/json', framed: (data: string): string => data };
const events = { contentType: 'text/event-stream', framed: (data: string): string => `data: ${data}\n\n` };

/**
 * The response to a request for answers. Rejects as `Backend.generate`; failures after its headers are told in the
 * body.
 */
export async function respondWithChoices(
  { backend, log, timeouts }: OpenAiService,
  job: ChoicesJob,
): Promise<Response> {
  const { request, model, prompts } = job;
  const logitBias = await biasByToken(backend, model, job.params.biases);
  warnOfIdleOptions(request, job.params.generation.sampling, model);
  warnOfIdleThinking(request, { ...job.params.generation, prompt: at(prompts, 0) }, model);
  const generation = { ...withUsualSampling(job.params.generation, model), logitBias, progress: job.params.stream };
  const params = { ...job.params, generation };
  const prefill = new PrefillComment();
  const client = clientOf(request);
  const produce = params.stream ? sendChunks : sendWhole;
  const { framed, ...form } = params.stream ? events : plain;
  const failed = (error: unknown): string => framed(failedBody(log, request, error));
  // Each answer has its own copy of the prompt.
  for (const prompt of prompts) reservationOf(request).add((params.n - 1) * perUnit * unitsOf(prompt));
  const keepAlive = (): string => (params.stream ? `: ${prefill.text}\n\n` : ' ');
  return streamed(client, { ...timeouts, ...form, keepAlive, failed }, async (write) => {
    const choices = await Choices.start(backend, { request, model, prompts, params, client: client.signal });
    const shownPrompt = params.verbose ? await textOf(backend, model, at(prompts, 0)) : undefined;
    await produce(choices, { ...job, params, prefill, shownPrompt }, (data) => write(framed(data)));
  });
}

/** The text of a prompt as the model sees it; empty for one that was none. */
async function textOf(backend: Backend, model: ServedModel, prompt: Prompt): Promise<string> {
  if (prompt.kind === 'chat') return backend.applyTemplate(model, prompt);
  return prompt.kind === 'text' ? prompt.text : '';
}

interface EndedAnswer {
  readonly ending: Ending;
  readonly hasNewLine: boolean;
  /** All of it; nothing in a stream. */
  readonly answer: Delta;
  readonly index: number;
}

/** llama-server's members of an answer's end: its times and, if asked for, all that its own form has. */
function figuresOf(ended: EndedAnswer, { model, params, shownPrompt }: ChunksJob): object {
  const { ending, answer, index } = ended;
  const { generation, stream } = params;
  const end = (prompt: string): object => endOf(ended, model, { generation, stream, prompt });
  return {
    timings: timingsOf(ending),
    ...(shownPrompt !== undefined && { __verbose: { ...partOf(answer, { generation, index }), ...end(shownPrompt) } }),
  };
}

/** The members that begin all objects of one response. */
const headOf = (object: string, { model, format }: ChoicesJob): object => ({
  id: `${format.idPrefix}${randomBytes(16).toString('hex')}`,
  object,
  created: Math.floor(Date.now() / 1000),
  model: model.name,
  // The same fingerprint and the same seed promise the same answer, so the fingerprint is the file's.
  system_fingerprint: `fp_${model.digest.replace(/^sha256:/, '').slice(0, 12)}`,
});

async function sendWhole(choices: Choices, job: ChunksJob, send: Send): Promise<void> {
  const { format } = job;
  const reservation = reservationOf(job.request);
  const answers = choices.answers.map(() => new WholeAnswer(reservation));
  const endings: Ending[] = [];
  await choices.each({
    delta: (delta, index) => at(answers, index).push(delta),
    end: (ending, index) => {
      endings[index] = ending;
    },
  });
  const whole = (answer: Delta, index: number): Choice => format.whole(answer, index, finishReason(at(endings, index)));
  const first = at(answers, 0);
  const hasNewLine = first.text.includes('\n');
  const figures = figuresOf({ ending: at(endings, 0), hasNewLine, answer: first, index: 0 }, job);
  const body = { ...headOf(format.object, job), choices: answers.map(whole), usage: choices.usage, ...figures };
  await send(JSON.stringify(body));
}

async function sendChunks(choices: Choices, job: ChunksJob, send: Send): Promise<void> {
  const { format, params, prefill } = job;
  const head = headOf(format.chunkObject, job);
  // Clients that ask for the usage find it null until the end.
  const usage = params.usage ? { usage: null } : {};
  const meters = choices.answers.map(({ promptTokens }) => new AnswerMeter(promptTokens));
  let figures: object = {};
  const sendChoice = (choice: Choice, more: object = {}): Promise<void> =>
    send(JSON.stringify({ ...head, choices: [choice], ...usage, ...more }));
  const opened = new Set<number>();
  // The model must have begun: until then a failure can have a status.
  const open = async (index: number): Promise<void> => {
    if (opened.has(index)) return;
    opened.add(index);
    const opening = format.opening(index);
    if (opening) await sendChoice(opening);
  };
  await choices.each({
    delta: async (delta, index) => {
      prefill.read(delta);
      const meter = at(meters, index);
      meter.read(delta);
      const { progress } = delta;
      if (progress && params.progress)
        await send(JSON.stringify({ ...head, choices: [], prompt_progress: promptProgress(progress) }));
      if (isEmpty(delta)) return;
      await open(index);
      await sendChoice(format.piece(delta, index), params.timings ? { timings: meter.timings } : {});
    },
    end: async (ending, index) => {
      await open(index);
      const { hasNewLine } = at(meters, index);
      figures = figuresOf({ ending, hasNewLine, answer: { text: '', logprobs: [] }, index }, job);
      // With the usage they come in the last object.
      await sendChoice(format.closing(finishReason(ending), index), params.usage ? {} : figures);
    },
  });
  if (params.usage) await send(JSON.stringify({ ...head, choices: [], usage: choices.usage, ...figures }));
  await send('[DONE]');
}
