import type { HonoRequest } from 'hono';
import * as z from 'zod';
import { writtenEmbeddings } from '../embeddings.ts';
import { failedBody } from '../refusal.ts';
import { jsonBody } from '../request/body.ts';
import { keepAliveSchema } from '../request/keep-alive.ts';
import { listOf } from '../request/lists.ts';
import { requestedModel } from '../request/requested-model.ts';
import { reservationOf } from '../request/reservations.ts';
import { clientOf, streamed } from '../streaming.ts';
import type { OpenAiService } from './respond.ts';

/** A text, or an object that has one, as Cohere and Jina take them. */
const Document = z.union(
  [z.string(), z.looseObject({ text: z.string() })],
  'expected a string or an object with a text',
);
const documents = listOf(Document, { least: 1 });
const count = z.int().min(1).nullish();

/** `texts` are the documents, in the form of Hugging Face's servers: they are answered in that form. */
const RerankBody = z
  .looseObject({
    model: z.string().nullish(),
    query: z.string().min(1),
    documents: documents.nullish(),
    texts: documents.nullish(),
    top_n: count,
    return_documents: z.boolean().nullish(),
    return_text: z.boolean().nullish(),
    keep_alive: keepAliveSchema,
  })
  .refine(({ documents, texts }) => documents || texts, { path: ['documents'], message: 'expected an array of texts' });

const fields = Object.keys(RerankBody.shape);

const textOf = (document: z.infer<typeof Document>): string =>
  typeof document === 'string' ? document : document.text;

/** POST /v1/rerank: scores of documents by how well they answer a query, the best first. */
export async function rerank(
  { backend, log, timeouts }: OpenAiService,
  { req }: { req: HonoRequest },
): Promise<Response> {
  const { raw } = req;
  const { query, top_n, return_documents, return_text, keep_alive, ...body } = await jsonBody(req, RerankBody, fields);
  const model = requestedModel(backend, body.model);
  const isTei = body.texts !== undefined && body.texts !== null;
  const inputs = (body.texts ?? body.documents ?? []).map(textOf);
  const job = { model, request: { inputs, query, truncate: false }, asText: ([score]: Float32Array) => `${score}` };
  const client = clientOf(raw);
  const failed = (error: unknown): string => failedBody(log, raw, error);
  const form = { ...timeouts, contentType: 'application/json', keepAlive: () => ' ', failed };
  return streamed(client, form, async (write) => {
    const options = { signal: client.signal, keepAlive: keep_alive, reservation: reservationOf(raw) };
    const { items, tokens } = await writtenEmbeddings(backend, job, options);
    const best = items
      .map((score, index) => ({ index, score: Number(score) }))
      .sort((a, b) => b.score - a.score)
      .slice(0, top_n ?? items.length);
    const results = best.map(({ index, score }) =>
      isTei
        ? { index, score, ...(return_text && { text: inputs[index] }) }
        : { index, relevance_score: score, ...(return_documents && { document: { text: inputs[index] } }) },
    );
    const usage = { prompt_tokens: tokens, total_tokens: tokens };
    await write(JSON.stringify(isTei ? results : { model: model.name, object: 'list', usage, results }));
  });
}
