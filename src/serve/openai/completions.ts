import type { HonoRequest } from 'hono';
import { modelAsked } from '../asked-model.ts';
import { jsonBody } from '../body.ts';
import type { ServedModel } from '../card.ts';
import { holdOf } from '../holds.ts';
import type { Delta, Hub } from '../hub.ts';
import type { Hold } from '../room.ts';
import { answer, type Format, finite, type Service } from './answering.ts';
import { CompletionBody, type WrittenPrompt } from './requests.ts';

type LogprobsOf = (logprobs: Delta['logprobs'], index: number) => object | null;

/** Lists side by side, one entry per token; `text_offset` counts from the start of the answer. */
function listed(): LogprobsOf {
  const lengths: number[] = [];
  return (logprobs, index) => ({
    tokens: logprobs.map(({ text }) => text),
    token_logprobs: logprobs.map(({ logprob }) => finite(logprob)),
    top_logprobs: logprobs.map(({ top }) => Object.fromEntries(top.map((one) => [one.text, finite(one.logprob)]))),
    text_offset: logprobs.map(({ text }) => {
      const offset = lengths[index] ?? 0;
      lengths[index] = offset + text.length;
      return offset;
    }),
  });
}

/** `echo` is what the answer `index` begins with. */
const formatOf = (echo: (index: number) => string, logprobsOf: LogprobsOf): Format => ({
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

/** What an answer begins with that repeats its prompt; held for each of `n` answers. */
async function echoOf(hub: Hub, model: ServedModel, prompt: WrittenPrompt, held: Hold, n: number): Promise<string> {
  if (prompt.kind === 'text') {
    held.add(n * perUnit * prompt.text.length);
    return prompt.text;
  }
  let text = '';
  for await (const part of hub.detokenize(model, prompt.tokens)) {
    held.add(n * perUnit * part.length);
    text += part;
  }
  return text;
}

/** Bytes of a UTF-16 unit of an answer, as text and as JSON. */
const perUnit = 4;

/** POST /v1/completions. Rejects with a Refusal, and as `Hub.ask`. */
export async function completions(service: Service, { req }: { req: HonoRequest }): Promise<Response> {
  const { hub } = service;
  const wanted = await jsonBody(req, CompletionBody);
  const { prompts, n } = wanted;
  const model = modelAsked(hub, wanted.model);
  const echoes: string[] = [];
  for (const prompt of wanted.echo ? prompts : []) echoes.push(await echoOf(hub, model, prompt, holdOf(req.raw), n));
  const format = formatOf(
    (index) => echoes[Math.floor(index / n)] ?? '',
    wanted.ask.logprobs === undefined ? () => null : listed(),
  );
  return answer(service, { request: req.raw, model, wanted, prompts, format });
}
