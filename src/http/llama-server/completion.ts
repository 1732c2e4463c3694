import type { HonoRequest } from 'hono';
import { at } from '../../base/at.ts';
import type { Log } from '../../base/log.ts';
import type { ServedModel } from '../../library/model-card.ts';
import { type Backend, type Ending, isEmpty, type Prompt } from '../../worker/backend.ts';
import { unitsOf } from '../../worker/fit-request.ts';
import { Choices } from '../openai/choices.ts';
import { PrefillComment, promptProgress } from '../prefill-comment.ts';
import { failedBody } from '../refusal.ts';
import { jsonBody } from '../request/body.ts';
import { biasByToken } from '../request/logit-biases.ts';
import { unmixed } from '../request/mixed-prompts.ts';
import { requestedModel } from '../request/requested-model.ts';
import { reservationOf } from '../request/reservations.ts';
import { warnOfIdleOptions, withUsualSampling } from '../request/sampling-fields.ts';
import { clientOf, type StreamTimeouts, streamed } from '../streaming.ts';
import { AnswerMeter } from '../timings.ts';
import { WholeAnswer } from '../whole-answer.ts';
import { endOf, partOf } from './answer.ts';
import { usualSampling } from './props.ts';
import {
  type CompletionRequest,
  InfillBody,
  infillFields,
  NativeCompletionBody,
  nativeCompletionFields,
} from './requests.ts';

/** Parts that the endpoints work with. */
interface CompletionService {
  readonly backend: Backend;
  readonly log: Log;
  readonly timeouts?: StreamTimeouts;
}

interface CompletionJob {
  readonly request: CompletionRequest;
  readonly model: ServedModel;
  readonly prompts: readonly Prompt[];
}

/** POST /completion: texts go on. */
export async function completion(service: CompletionService, { req }: { req: HonoRequest }): Promise<Response> {
  const { backend } = service;
  const request = await jsonBody(req, NativeCompletionBody, nativeCompletionFields);
  const model = requestedModel(backend, request.model);
  const plain = await unmixed(backend, model, request.prompts, reservationOf(req.raw));
  const prompts = plain.map(
    (prompt): Prompt =>
      typeof prompt === 'string' ? { kind: 'text', text: prompt, special: true } : { kind: 'tokens', tokens: prompt },
  );
  return respond(service, req.raw, { request, model, prompts });
}

/** POST /infill: a text is filled in between two others. */
export async function infill(service: CompletionService, { req }: { req: HonoRequest }): Promise<Response> {
  const request = await jsonBody(req, InfillBody, infillFields);
  const model = requestedModel(service.backend, request.model);
  return respond(service, req.raw, { request, model, prompts: [{ kind: 'infill', ...request.infill }] });
}

async function respond(
  { backend, log, timeouts }: CompletionService,
  raw: Request,
  { request, model, prompts }: CompletionJob,
): Promise<Response> {
  const { stream, n, keepAlive } = request;
  const client = clientOf(raw);
  const prefill = new PrefillComment();
  const logitBias = await biasByToken(backend, model, request.biases);
  warnOfIdleOptions(raw, request.generation.sampling, model);
  const generation = { ...withUsualSampling(request.generation, model, usualSampling), logitBias, progress: stream };
  const framed = (data: string): string => (stream ? `data: ${data}\n\n` : data);
  const form = {
    contentType: stream ? 'text/event-stream' : 'application/json',
    keepAlive: () => (stream ? `: ${prefill.text}\n\n` : ' '),
    failed: (error: unknown): string => framed(failedBody(log, raw, error)),
  };
  for (const prompt of prompts) reservationOf(raw).add(n * perUnit * unitsOf(prompt));
  return streamed(client, { ...timeouts, ...form }, async (write) => {
    const send = (data: object): Promise<void> => write(framed(JSON.stringify(data)));
    const params = { n, generation, keepAlive };
    const choices = await Choices.start(backend, { request: raw, model, prompts, params, client: client.signal });
    // A stream keeps no text: `all` stays empty then.
    const answers = choices.answers.map((answer) => ({
      all: new WholeAnswer(reservationOf(raw)),
      meter: new AnswerMeter(answer.promptTokens),
    }));
    const wholes: object[] = [];
    const ended = (ending: Ending, index: number): object => {
      const { all, meter } = at(answers, index);
      const tokens = request.returnsTokens && !stream ? ending.tokens?.slice(ending.promptTokens) : undefined;
      const prompt = textOf(at(prompts, Math.floor(index / n)));
      return {
        ...partOf(all, { generation, index }),
        ...(tokens && { tokens }),
        ...endOf({ ending, hasNewLine: meter.hasNewLine }, model, { generation, stream, prompt }),
      };
    };
    await choices.each({
      delta: async (delta, index) => {
        prefill.read(delta);
        const { all, meter } = at(answers, index);
        meter.read(delta);
        if (!stream) {
          all.push(delta);
          return;
        }
        const { progress } = delta;
        if (isEmpty(delta) && !(progress && request.progress)) return;
        const part = {
          ...partOf(delta, { generation, index }),
          stop: false,
          tokens_predicted: meter.answerTokens,
          tokens_evaluated: meter.promptTokens,
          ...(request.timings && { timings: meter.timings }),
          ...(progress && { prompt_progress: promptProgress(progress) }),
        };
        await send(part);
      },
      end: async (ending, index) => {
        const whole = chosen(ended(ending, index), request.members);
        if (stream) await send(whole);
        else wholes[index] = whole;
      },
    });
    // One prompt is answered by an object, several by a list of them.
    if (!stream) await send(wholes.length === 1 ? at(wholes, 0) : wholes);
  });
}

/** Bytes of a UTF-16 unit, or a token, in a prompt on its way to an engine and in the answer. */
const perUnit = 8;

/** The text of a prompt as it was sent, if it was one. */
const textOf = (prompt: Prompt): string => (prompt.kind === 'text' ? prompt.text : '');

/** The members of an answer at `paths`, each under its path; all of them if there are none. */
function chosen(answer: object, paths: readonly string[]): object {
  if (paths.length === 0) return answer;
  const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  const member = (path: string): unknown =>
    path
      .split('/')
      .reduce<unknown>((value, key) => (isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined), answer);
  return Object.fromEntries(paths.map((path) => [path, member(path)]).filter(([, value]) => value !== undefined));
}
