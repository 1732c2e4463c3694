import type { HonoRequest } from 'hono';
import type { Log } from '../../base/log.ts';
import type { ServedModel } from '../../library/model-card.ts';
import {
  type Backend,
  type Delta,
  type Ending,
  type GenerationRequest,
  isEmpty,
  type TokenLogprob,
} from '../../worker/backend.ts';
import { unitsOf } from '../../worker/fit-request.ts';
import { finiteLogprob } from '../openai/respond.ts';
import { PrefillComment, promptProgress } from '../prefill-comment.ts';
import { errorResponseOf, logFailure } from '../refusal.ts';
import { jsonBody } from '../request/body.ts';
import { requestedModel } from '../request/requested-model.ts';
import { reservationOf } from '../request/reservations.ts';
import { withUsualSampling } from '../request/sampling-fields.ts';
import { clientOf, type StreamTimeouts, streamed } from '../streaming.ts';
import { WholeAnswer } from '../whole-answer.ts';
import {
  type CompletionRequest,
  InfillBody,
  infillFields,
  NativeCompletionBody,
  nativeCompletionFields,
} from './requests.ts';

/** Sampling of llama-server where neither the request nor the model's file says anything. */
const usual = { temperature: 0.8, topK: 40, topP: 0.95, minP: 0.05 };

/** Parts that the endpoints work with. */
interface CompletionService {
  readonly backend: Backend;
  readonly log: Log;
  readonly timeouts?: StreamTimeouts;
}

const perSecond = (count: number, seconds: number): number => (seconds > 0 ? count / seconds : 0);

const timingsOf = (ending: Ending): object => {
  const { promptTokens, cachedTokens, promptSeconds, answerTokens, answerSeconds } = ending;
  const computed = promptTokens - cachedTokens;
  const [prompt_ms, predicted_ms] = [promptSeconds * 1000, answerSeconds * 1000];
  return {
    cache_n: cachedTokens,
    prompt_n: computed,
    prompt_ms,
    prompt_per_token_ms: computed > 0 ? prompt_ms / computed : 0,
    prompt_per_second: perSecond(computed, promptSeconds),
    predicted_n: answerTokens,
    predicted_ms,
    predicted_per_token_ms: answerTokens > 0 ? predicted_ms / answerTokens : 0,
    predicted_per_second: perSecond(answerTokens, answerSeconds),
  };
};

const probabilityOf = ({ token, text, bytes, logprob }: Omit<TokenLogprob, 'top'>): object => ({
  id: token,
  token: text,
  bytes,
  logprob: finiteLogprob(logprob),
});
const probabilitiesOf = (tokens: readonly TokenLogprob[]): object =>
  tokens.map((token) => ({ ...probabilityOf(token), top_logprobs: token.top.map(probabilityOf) }));

/** The members of a part of the answer, or of all of it. */
const partOf = ({ text, logprobs }: Delta, { returnsTokens, probabilities }: CompletionRequest): object => ({
  index: 0,
  content: text,
  tokens: returnsTokens ? logprobs.map(({ token }) => token) : [],
  id_slot: 0,
  ...(probabilities && logprobs.length > 0 && { completion_probabilities: probabilitiesOf(logprobs) }),
});

const stopTypeOf = ({ reason, stopText }: Ending): string =>
  reason === 'length' ? 'limit' : stopText === undefined ? 'eos' : 'word';

/** The members of the last object. */
function endOf(ending: Ending, text: string, { model, generation, prompt }: CompletionJob): object {
  return {
    stop: true,
    model: model.name,
    tokens_predicted: ending.answerTokens,
    tokens_evaluated: ending.promptTokens,
    generation_settings: settingsOf(generation),
    prompt,
    has_new_line: text.includes('\n'),
    truncated: false,
    stop_type: stopTypeOf(ending),
    stopping_word: ending.stopText ?? '',
    tokens_cached: ending.promptTokens + ending.answerTokens,
    timings: timingsOf(ending),
  };
}

const settingsOf = ({ sampling, maxTokens, stop }: GenerationRequest): object => ({
  n_predict: maxTokens ?? -1,
  seed: sampling.seed ?? 2 ** 32 - 1,
  temperature: sampling.temperature,
  top_k: sampling.topK,
  top_p: sampling.topP,
  min_p: sampling.minP,
  stop,
});

interface CompletionJob {
  readonly request: CompletionRequest;
  readonly model: ServedModel;
  readonly generation: GenerationRequest;
  /** The prompt as it was sent, if it was a text. */
  readonly prompt: string;
}

async function respond(
  { backend, log, timeouts }: CompletionService,
  raw: Request,
  job: CompletionJob,
): Promise<Response> {
  const { request, model, generation } = job;
  const { stream, keepAlive } = request;
  const client = clientOf(raw);
  const prefill = new PrefillComment();
  const framed = (data: object): string => (stream ? `data: ${JSON.stringify(data)}\n\n` : JSON.stringify(data));
  const form = {
    contentType: stream ? 'text/event-stream' : 'application/json',
    keepAlive: () => (stream ? `: ${prefill.text}\n\n` : ' '),
    failed: (error: unknown): string => {
      logFailure(log, error, new URL(raw.url).pathname);
      return framed({ error: errorResponseOf(error).error });
    },
  };
  reservationOf(raw).add(4 * unitsOf(generation.prompt));
  return streamed(client, { ...timeouts, ...form }, async (write) => {
    const answer = await backend.generate(model, generation, { signal: client.signal, keepAlive });
    const all = new WholeAnswer(reservationOf(raw));
    let predicted = 0;
    const counts = (): object => ({ tokens_predicted: predicted, tokens_evaluated: answer.promptTokens });
    for await (const delta of answer) {
      prefill.read(delta);
      const { progress } = delta;
      if (progress && request.progress) {
        const part = { ...partOf(delta, request), stop: false, ...counts() };
        await write(framed({ ...part, prompt_progress: promptProgress(progress) }));
      }
      if (isEmpty(delta)) continue;
      predicted += 1;
      all.push(delta);
      if (stream) await write(framed({ ...partOf(delta, request), stop: false, ...counts() }));
    }
    const { ending } = answer;
    if (!ending) throw new Error('an answer has ended without an ending');
    const { text, logprobs } = all;
    const last = partOf(stream ? { text: '', logprobs: [] } : { text, logprobs }, request);
    await write(framed({ ...last, ...endOf(ending, text, job) }));
  });
}

/** POST /completion: a text goes on. */
export async function completion(service: CompletionService, { req }: { req: HonoRequest }): Promise<Response> {
  return answer(service, req, await jsonBody(req, NativeCompletionBody, nativeCompletionFields));
}

/** POST /infill: a text is filled in between two others. */
export async function infill(service: CompletionService, { req }: { req: HonoRequest }): Promise<Response> {
  return answer(service, req, await jsonBody(req, InfillBody, infillFields));
}

function answer(service: CompletionService, req: HonoRequest, request: CompletionRequest): Promise<Response> {
  const model = requestedModel(service.backend, request.model);
  const generation = { ...withUsualSampling(request.generation, model, usual), progress: request.stream };
  const { prompt } = generation;
  return respond(service, req.raw, { request, model, generation, prompt: prompt.kind === 'text' ? prompt.text : '' });
}
