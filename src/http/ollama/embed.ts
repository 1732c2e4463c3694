import type { HonoRequest } from 'hono';
import * as z from 'zod';
import { asNumbers, type WrittenEmbeddings, writtenEmbeddings } from '../embeddings.ts';
import { jsonBody } from '../request/body.ts';
import { given } from '../request/given.ts';
import { keepAliveSchema } from '../request/keep-alive.ts';
import { listOf } from '../request/lists.ts';
import { requestedModel } from '../request/requested-model.ts';
import { reservationOf } from '../request/reservations.ts';
import { optionSchemas, optionsSchema, type ParsedOptions } from './options.ts';
import { nanoseconds, type OllamaService, streamResponse } from './respond.ts';

const expectedInput = 'expected a string or an array of strings';
const text = given(z.string());
const common = { ...optionSchemas, model: text, options: optionsSchema, keep_alive: keepAliveSchema };

const EmbedBody = z.object({
  ...common,
  input: z.unknown().pipe(z.union([text, listOf(z.string())], expectedInput)),
  truncate: given(z.boolean()),
  dimensions: given(z.int()),
});
const EmbeddingsBody = z.object({ ...common, prompt: text });

interface EmbedJob {
  readonly model: string | undefined;
  readonly inputs: readonly string[];
  readonly truncate: boolean;
  readonly dimensions?: number | undefined;
  readonly options: ParsedOptions;
  readonly keepAlive: number | undefined;
  /** The members of the response beside `model`. */
  readonly body: (embeddings: WrittenEmbeddings) => string;
}

/** POST /api/embed: embeddings of texts. */
export async function embed(service: OllamaService, { req }: { req: HonoRequest }): Promise<Response> {
  const {
    model,
    input = '',
    truncate = true,
    dimensions,
    options,
    keep_alive,
    ...beside
  } = await jsonBody(req, EmbedBody, Object.keys(EmbedBody.shape));
  const inputs = typeof input === 'string' ? [input].filter((one) => one !== '') : input;
  return respondEmbedded(service, req.raw, {
    ...{ model, inputs, truncate, dimensions: dimensions || undefined, keepAlive: keep_alive },
    options: options.over(beside),
    body: ({ items, tokens, loadSeconds, totalSeconds }) => {
      const [total, load] = [nanoseconds(totalSeconds), nanoseconds(loadSeconds)];
      return `"embeddings":[${items.join(',')}],"total_duration":${total},"load_duration":${load},"prompt_eval_count":${tokens}`;
    },
  });
}

/** POST /api/embeddings: the embedding of one text, as older clients ask for it. */
export async function embedPrompt(service: OllamaService, { req }: { req: HonoRequest }): Promise<Response> {
  const {
    model,
    prompt = '',
    options,
    keep_alive,
    ...beside
  } = await jsonBody(req, EmbeddingsBody, Object.keys(EmbeddingsBody.shape));
  return respondEmbedded(service, req.raw, {
    ...{ model, inputs: [prompt].filter((one) => one !== ''), truncate: true, keepAlive: keep_alive },
    options: options.over(beside),
    body: ({ items }) => `"embedding":${items[0] ?? '[]'}`,
  });
}

function respondEmbedded(
  service: OllamaService,
  raw: Request,
  { model: name, inputs, truncate, dimensions, options, keepAlive, body }: EmbedJob,
): Promise<Response> {
  const model = requestedModel(service.backend, name);
  const { context } = options.of(model);
  const job = { model, request: { inputs, truncate, dimensions, context }, asText: asNumbers };
  return streamResponse(service, raw, 'application/json', async (write, signal) => {
    const options = { signal, keepAlive, reservation: reservationOf(raw) };
    const written = await writtenEmbeddings(service.backend, job, options);
    await write(`{"model":${JSON.stringify(name ?? model.name)},${body(written)}}`);
  });
}
