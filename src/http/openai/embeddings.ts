import type { HonoRequest } from 'hono';
import * as z from 'zod';
import { asBase64, asNumbers, writtenEmbeddings } from '../embeddings.ts';
import { failedBody } from '../refusal.ts';
import { jsonBody } from '../request/body.ts';
import { keepAliveSchema } from '../request/keep-alive.ts';
import { mixedPrompts, unmixed } from '../request/mixed-prompts.ts';
import { requestedModel } from '../request/requested-model.ts';
import { reservationOf } from '../request/reservations.ts';
import { clientOf, streamed } from '../streaming.ts';
import type { OpenAiService } from './respond.ts';

/** The most inputs of a request, as OpenAI has it. */
const mostInputs = 2048;

/** num_ctx and keep_alive are not OpenAI's. */
const EmbeddingsBody = z.looseObject({
  model: z.string().nullish(),
  input: mixedPrompts({ most: mostInputs }),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).nullish(),
  num_ctx: z.int().min(1).nullish(),
  keep_alive: keepAliveSchema,
});

/** POST /v1/embeddings. Rejects with a Refusal, and as `Backend.embed`. */
export async function embeddings(service: OpenAiService, { req }: { req: HonoRequest }): Promise<Response> {
  const { backend, log, timeouts } = service;
  const { raw } = req;
  const body = await jsonBody(req, EmbeddingsBody, Object.keys(EmbeddingsBody.shape));
  const model = requestedModel(backend, body.model);
  const request = {
    inputs: await unmixed(backend, model, body.input, reservationOf(raw)),
    truncate: false,
    dimensions: body.dimensions ?? undefined,
    context: body.num_ctx ?? undefined,
  };
  const job = { model, request, asText: body.encoding_format === 'base64' ? asBase64 : asNumbers };
  const client = clientOf(raw);
  const failed = (error: unknown): string => failedBody(log, raw, error);
  const form = { ...timeouts, contentType: 'application/json', keepAlive: () => ' ', failed };
  return streamed(client, form, async (write) => {
    const options = { signal: client.signal, keepAlive: body.keep_alive, reservation: reservationOf(raw) };
    const { items, tokens } = await writtenEmbeddings(backend, job, options);
    const data = items.map((item, index) => `{"object":"embedding","embedding":${item},"index":${index}}`);
    const usage = JSON.stringify({ prompt_tokens: tokens, total_tokens: tokens });
    await write(`{"object":"list","data":[${data.join(',')}],"model":${JSON.stringify(model.name)},"usage":${usage}}`);
  });
}
