import type { HonoRequest } from 'hono';
import { at } from '../../base/at.ts';
import type { ServedModel } from '../../library/model-card.ts';
import type { Backend, Delta, Prompt } from '../../worker/backend.ts';
import { finiteLogprob } from '../finite-logprob.ts';
import { jsonBody } from '../request/body.ts';
import { unmixed } from '../request/mixed-prompts.ts';
import type { Reservation } from '../request/request-memory.ts';
import { requestedModel } from '../request/requested-model.ts';
import { reservationOf } from '../request/reservations.ts';
import { CompletionBody, completionFields } from './requests.ts';
import { type ChoiceFormat, type OpenAiService, respondWithChoices } from './respond.ts';

type LogprobsOf = (logprobs: Delta['logprobs'], index: number) => object | null;

/** Lists side by side, one entry per token; `text_offset` counts from the start of the answer. */
function listed(): LogprobsOf {
  const lengths = new Map<number, number>();
  return (logprobs, index) => ({
    tokens: logprobs.map(({ text }) => text),
    token_logprobs: logprobs.map(({ logprob }) => finiteLogprob(logprob)),
    top_logprobs: logprobs.map(({ top }) =>
      Object.fromEntries(top.map((one) => [one.text, finiteLogprob(one.logprob)])),
    ),
    text_offset: logprobs.map(({ text }) => {
      const offset = lengths.get(index) ?? 0;
      lengths.set(index, offset + text.length);
      return offset;
    }),
  });
}

/** The form of completions; `echo` is the begin of the answer `index`. */
const formatOf = (echo: (index: number) => string, logprobsOf: LogprobsOf): ChoiceFormat => ({
  idPrefix: 'cmpl-',
  object: 'text_completion',
  chunkObject: 'text_completion',
  opening: (index) =>
    echo(index) === '' ? undefined : { text: echo(index), index, logprobs: null, finish_reason: null },
  piece: ({ text, logprobs }, index) => ({ text, index, logprobs: logprobsOf(logprobs, index), finish_reason: null }),
  closing: (reason, index) => ({ text: '', index, logprobs: null, finish_reason: reason }),
  whole: ({ text, logprobs }, index, reason) => ({
    text: echo(index) + text,
    index,
    logprobs: logprobsOf(logprobs, index),
    finish_reason: reason,
  }),
});

type WrittenPrompt = Exclude<Prompt, { kind: 'chat' }>;

/** A prompt; with a suffix, the text before what is filled in. */
const written = (prompt: string | readonly number[], suffix: string): WrittenPrompt => {
  if (typeof prompt !== 'string') return { kind: 'tokens', tokens: prompt };
  return suffix === '' ? { kind: 'text', text: prompt, special: true } : { kind: 'infill', prefix: prompt, suffix };
};

/** The prompt that an answer repeats; held for each of `n` answers. */
async function echoOf(
  backend: Backend,
  model: ServedModel,
  prompt: WrittenPrompt,
  reservation: Reservation,
  n: number,
): Promise<string> {
  if (prompt.kind !== 'tokens') {
    const text = prompt.kind === 'text' ? prompt.text : prompt.prefix;
    reservation.add(n * perUnit * text.length);
    return text;
  }
  let text = '';
  for await (const part of backend.detokenize(model, prompt.tokens)) {
    reservation.add(n * perUnit * part.length);
    text += part;
  }
  return text;
}

/** Bytes of a UTF-16 unit of an answer, as text and as JSON. */
const perUnit = 4;

/** POST /v1/completions. Rejects with a Refusal, and as `Backend.generate`. */
export async function completions(service: OpenAiService, { req }: { req: HonoRequest }): Promise<Response> {
  const { backend } = service;
  const params = await jsonBody(req, CompletionBody, completionFields);
  const { n } = params;
  const model = requestedModel(backend, params.model);
  const plain = await unmixed(backend, model, params.prompts, reservationOf(req.raw));
  const prompts = plain.map((prompt) => written(prompt, params.suffix));
  const echoes: string[] = [];
  for (const prompt of params.echo ? prompts : [])
    echoes.push(await echoOf(backend, model, prompt, reservationOf(req.raw), n));
  const format = formatOf(
    (index) => (params.echo ? at(echoes, Math.floor(index / n)) : ''),
    params.generation.logprobs === undefined ? () => null : listed(),
  );
  return respondWithChoices(service, { request: req.raw, model, params, prompts, format });
}
