import { isUtf8 } from 'node:buffer';
import { Hono } from 'hono';
import * as z from 'zod';
import { at } from '../base/at.ts';
import type { Log } from '../base/log.ts';
import type { ServedModel } from '../library/model-card.ts';
import type { Backend, Health, Metric } from '../worker/backend.ts';
import { completion, infill } from './llama-server/completion.ts';
import { propsOf, slotsOf } from './llama-server/props.ts';
import { ChatBody, chatFields } from './openai/requests.ts';
import { logFailure } from './refusal.ts';
import { jsonBody } from './request/body.ts';
import { tokenList } from './request/lists.ts';
import { adapterScales } from './request/lora-fields.ts';
import { requestedModel } from './request/requested-model.ts';
import { clientOf, streamed } from './streaming.ts';

const Named = { model: z.string().nullish() };
/** The most characters or tokens: more take an engine seconds. */
const most = 2 ** 20;

const Tokenize = z.looseObject({
  ...Named,
  content: z.string().max(most),
  add_special: z.boolean().nullish(),
  parse_special: z.boolean().nullish(),
  with_pieces: z.boolean().nullish(),
});
const Detokenize = z.looseObject({ ...Named, tokens: tokenList({ most }) });
const inputTokens = ['/chat/completions/input_tokens', '/v1/chat/completions/input_tokens'];

/** Endpoints of llama-server beside OpenAI's. */
export const llamaServerRoutes = (backend: Backend, log: Log, health: () => Health): Hono =>
  new Hono()
    .on('GET', ['/health', '/v1/health'], (c) => {
      const status = health();
      return c.json({ status }, status === 'ok' ? 200 : 503);
    })
    .get('/metrics', async (c) =>
      c.body(exposition(await backend.metrics()), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
    )
    .post('/tokenize', async (c) => {
      const {
        model: name,
        content,
        add_special,
        parse_special,
        with_pieces,
      } = await jsonBody(c.req, Tokenize, Object.keys(Tokenize.shape));
      const options = { special: parse_special ?? true, bos: add_special ?? false };
      const model = requestedModel(backend, name);
      const tokens = backend.tokenize(model, content, options);
      return written(log, c.req.raw, tokensJson(with_pieces ? withPieces(backend, model, tokens) : tokens));
    })
    .post('/detokenize', async (c) => {
      const { model, tokens } = await jsonBody(c.req, Detokenize, Object.keys(Detokenize.shape));
      return written(log, c.req.raw, textJson(backend.detokenize(requestedModel(backend, model), tokens)));
    })
    .post('/completion', (c) => completion({ backend, log }, c))
    .post('/infill', (c) => infill({ backend, log }, c))
    .get('/props', (c) => {
      const model = requestedModel(backend, c.req.query('model'));
      const loaded = backend.loaded().some(({ model: { name } }) => name === model.name);
      return c.json(propsOf(model, backend.places(model), loaded));
    })
    .get('/lora-adapters', (c) => {
      const adapters = backend.adapters.of(requestedModel(backend, c.req.query('model')));
      return c.json(
        adapters.map(({ id, name, scale }) => ({ id, path: name, scale, task_name: '', prompt_prefix: '' })),
      );
    })
    .post('/lora-adapters', async (c) => {
      backend.adapters.set(
        requestedModel(backend, c.req.query('model')),
        await jsonBody(c.req, adapterScales, 'strict'),
      );
      return c.json({ success: true });
    })
    .get('/slots', async (c) => {
      const model = requestedModel(backend, c.req.query('model'));
      const { engine } = await backend.status();
      const { sequences = [], plan } = (engine?.model.name === model.name && engine) || {};
      return c.json(slotsOf(backend.places(model), { sequences, drafts: (plan?.ahead ?? 0) > 0 }));
    })
    .on('POST', inputTokens, async (c) => {
      const { model, conversation } = await jsonBody(c.req, ChatBody, chatFields);
      const input_tokens = await backend.countTokens(requestedModel(backend, model), conversation);
      return c.json({ object: 'response.input_tokens', input_tokens });
    })
    .post('/apply-template', async (c) => {
      const { model, conversation } = await jsonBody(c.req, ChatBody, chatFields);
      return c.json({ prompt: await backend.applyTemplate(requestedModel(backend, model), conversation) });
    });

/** Tokens with their texts; bytes that are no whole character are numbers. */
async function* withPieces(
  backend: Backend,
  model: ServedModel,
  parts: AsyncIterable<readonly number[]>,
): AsyncGenerator<readonly string[], void, void> {
  for await (const tokens of parts) {
    const pieces = await backend.pieces(model, tokens);
    yield tokens.map((id, i) => {
      const bytes = at(pieces, i);
      return JSON.stringify({ id, piece: isUtf8(bytes) ? Buffer.from(bytes).toString() : [...bytes] });
    });
  }
}

async function* tokensJson(parts: AsyncIterable<readonly (number | string)[]>): AsyncGenerator<string, void, void> {
  let before = '{"tokens":[';
  for await (const part of parts) {
    if (part.length === 0) continue;
    yield before + part.join(',');
    before = ',';
  }
  yield before === ',' ? ']}' : '{"tokens":[]}';
}

async function* textJson(parts: AsyncIterable<string>): AsyncGenerator<string, void, void> {
  let before = '{"content":"';
  for await (const part of parts) {
    yield before + JSON.stringify(part).slice(1, -1);
    before = '';
  }
  yield `${before}"}`;
}

/** A response of JSON that goes out part by part, so that no more of it is held; a failure half-way ends it there. */
function written(log: Log, request: Request, parts: AsyncIterable<string>): Promise<Response> {
  const failed = (error: unknown): string => {
    logFailure(log, error, new URL(request.url).pathname);
    return '';
  };
  // Pings would become part of a string, so none are sent.
  const never = 2 ** 31 - 1;
  const form = { contentType: 'application/json', keepAlive: () => '', firstByte: never, interval: never, failed };
  return streamed(clientOf(request), form, async (write) => {
    for await (const part of parts) await write(part);
  });
}

/** The text format of Prometheus: https://prometheus.io/docs/instrumenting/exposition_formats */
const exposition = (metrics: readonly Metric[]): string =>
  metrics
    .flatMap(({ name, kind, help, values }) => [
      `# HELP ${name} ${escaped(help)}\n`,
      `# TYPE ${name} ${kind}\n`,
      ...values.map(({ labels, value }) => `${name}${labelled(labels)} ${figure(value)}\n`),
    ])
    .join('');

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

/** Labels as text: {a: 'b'} -> {a="b"}. */
function labelled(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`);
  return pairs.length > 0 ? `{${pairs.join(',')}}` : '';
}

const figure = (value: number): string =>
  Number.isFinite(value) || Number.isNaN(value) ? `${value}` : value > 0 ? '+Inf' : '-Inf';
